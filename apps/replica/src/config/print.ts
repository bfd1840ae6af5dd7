import { stringify } from 'smol-toml';
import { withoutPasswords } from '../logging/secrets.ts';
import type { CurrentSetting } from './configuration.ts';
import type { TomlValue } from './rewrite.ts';
import { GROUPS, settingOf } from './settings.ts';
import { tomlOf } from './toml-value.ts';

/** The settings as a file that `--config` takes, each with where it came from; without secrets. */
export function printedConfig(settings: readonly CurrentSetting[]): string {
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const lines = settings.filter(({ name }) => settingOf(name).group === group).map(lineOf);
    return [`# ${title}`, ...lines].join('\n');
  });
  return `${groups.join('\n\n')}\n`;
}

/** A setting's value as it may be shown; undefined: it has none. */
export function shown({ text, secret }: CurrentSetting): string | undefined {
  if (secret && text !== undefined) return '(hidden)';
  return text === undefined ? undefined : withoutPasswords(text);
}

function lineOf(setting: CurrentSetting): string {
  const { name, given, secret } = setting;
  if (given === undefined) return `# ${name}: none`;
  if (secret) return `# ${name}: ${shown(setting)} # ${given.place}`;
  return `${stringify({ [name]: shownValue(setting) }).trimEnd()} # ${given.place}`;
}

function shownValue(setting: CurrentSetting): TomlValue {
  const value = tomlOf(setting.value, setting.text);
  return Array.isArray(value) ? value.map(withoutPasswords) : value;
}
