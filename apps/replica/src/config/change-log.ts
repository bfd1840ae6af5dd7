import type { Reporter } from '../reporter.ts';
import type { CurrentSetting, SettingsChange, SettingsSubscriber } from './configuration.ts';
import { shown } from './print.ts';

/** Logs each change of a setting, and each change that needs a restart. */
export function changeLog(reporter: Reporter): SettingsSubscriber {
  return {
    adopt(change) {
      for (const setting of change.changed) logChanged(setting, reporter);
      if (change.cause !== 'reload') return;
      for (const setting of change.kept) logKept(setting, reporter);
      reporter.good(`reloaded: ${sumOf(change)}`, { event: 'reloaded' });
    },
  };
}

/** Logs that a reload was refused: all settings keep their values. */
export function logRefused({ message }: Error, reporter: Reporter): void {
  reporter.trouble(`the settings and the candidates stay as they are: ${message}`, {
    event: 'settings-refused',
    reason: message,
  });
}

function logChanged(setting: CurrentSetting, reporter: Reporter): void {
  const value = shownOr(setting);
  reporter.good(`${setting.name} is ${value} from now on`, {
    event: 'setting',
    setting: setting.name,
    value,
  });
}

function logKept(setting: CurrentSetting, reporter: Reporter): void {
  const value = shownOr(setting);
  reporter.trouble(`${setting.name} stays ${value}: it changes at the next start only`, {
    event: 'setting-kept',
    setting: setting.name,
    value,
  });
}

function shownOr(setting: CurrentSetting): string {
  return shown(setting) ?? 'none';
}

function sumOf({ changed, files, kept }: SettingsChange): string {
  const names = (settings: readonly CurrentSetting[]) =>
    settings.map(({ name }) => name).join(', ');
  const parts = [
    changed.length > 0 && `changed ${names(changed)}`,
    files.length > 0 && `new content in the file of ${names(files)}`,
    kept.length > 0 && `restart to change ${names(kept)}`,
  ];
  return parts.filter(Boolean).join('; ') || 'nothing changed';
}
