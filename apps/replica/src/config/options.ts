import type { Command } from 'commander';
import { Option } from 'commander';
import type { Fault, Resolved } from './resolve.ts';
import { refusalOf, resolve } from './resolve.ts';
import type { SettingName } from './settings.ts';
import { settingNames, settingOf } from './settings.ts';

/** Has a command take settings as flags. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) for (const option of optionsOf(name)) command.addOption(option);
  return command;
}

/** The settings that were typed, as they were. */
export function typedSettings(command: Command): Map<SettingName, string> {
  const typed = new Map<SettingName, string>();
  for (const name of settingNames) {
    const attribute = new Option(`--${name}`).attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') continue;
    const value: unknown = command.getOptionValue(attribute);
    if (typeof value === 'boolean') typed.set(name, value ? 'yes' : 'no');
    else typed.set(name, Array.isArray(value) ? value.join(' ') : String(value));
  }
  return typed;
}

/**
 * Settings of a command that reads no file of them.
 *
 * @throws {ExitError} usage, or configuration where the environment is at fault
 */
export function settingsOf<Name extends SettingName>(
  command: Command,
  names: readonly Name[],
): Resolved<Name> {
  const faults: Fault[] = [];
  const settings = resolve(names, { flags: typedSettings(command), env: process.env }, faults);
  if (faults.length > 0) throw refusalOf(faults);
  return settings;
}

function optionsOf(name: SettingName): Option[] {
  const { form, description, negative, default: preset } = settingOf(name);
  if (form.hint === undefined) {
    // Either way can be typed, over what a file says; the one that is the default is not worth a line.
    const on = new Option(`--${name}`, description).hideHelp(preset === 'yes');
    const off = new Option(`--no-${name}`, negative).hideHelp(preset !== 'yes');
    return [on, off];
  }
  const option = new Option(`--${name} <${form.hint}${form.many ? '...' : ''}>`, description);
  if (preset !== undefined) option.default(preset, preset);
  if (form.many) return [option];
  // What was typed is what is taken; here it is only looked at, to be refused with the rest of the usage.
  option.argParser((text: string) => {
    form.parse(text);
    return text;
  });
  // For help and completion; `choices` would put a reader of its own in the form's place.
  if (form.choices !== undefined) option.argChoices = [...form.choices];
  return [option];
}
