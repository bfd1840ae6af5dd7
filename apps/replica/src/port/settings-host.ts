import type { Changed, Configuration, CurrentSetting, Rewritten } from '../config/configuration.ts';
import { shown } from '../config/print.ts';
import type { SettingName } from '../config/settings.ts';
import type { LiveConfig } from '../config.ts';
import { ExitError } from '../exit.ts';
import type { Reporter } from '../reporter.ts';
import type { SettingsHost } from './settings.ts';

/** What `CONFIG` asks and tells, of a configuration that takes effect by `adopt`. */
export function settingsHost(
  configuration: Configuration,
  reporter: Reporter,
  adopt: (config: LiveConfig) => void,
): SettingsHost {
  return {
    get settings() {
      return configuration.settings;
    },
    set(changes: ReadonlyMap<SettingName, string>): void {
      const change = configuration.set(changes);
      // It may say what is worth telling.
      adopt(change.config);
      tellChanged(change, reporter);
    },
    rewrite(): void {
      const { overruled, exposed, path, mode } = rewritten(configuration, reporter);
      for (const name of overruled) {
        reporter.trouble(`${name} is written, but a flag or a variable goes before the file`, {
          ...{ event: 'setting-overruled', setting: name },
        });
      }
      for (const name of exposed) {
        reporter.trouble(
          `CONFIG REWRITE wrote the secret of ${name} to ${path}, which other users can read ` +
            `(mode ${mode.toString(8).padStart(4, '0')}): chmod 600 ${path}`,
          { event: 'secret-readable', setting: name },
        );
      }
    },
  };
}

/** A Sentinel that asks for it does not look at the answer: that it failed is told here, too. */
function rewritten(configuration: Configuration, reporter: Reporter): Rewritten {
  try {
    return configuration.rewrite();
  } catch (error) {
    if (error instanceof ExitError) {
      reporter.trouble(`CONFIG REWRITE has written nothing: ${error.message}`, {
        ...{ event: 'rewrite-failed', reason: error.message },
      });
    }
    throw error;
  }
}

export function tellChanged({ changed }: Pick<Changed, 'changed'>, reporter: Reporter): void {
  for (const setting of changed) {
    const value = shownOr(setting);
    reporter.good(`${setting.name} is ${value} from now on`, {
      ...{ event: 'setting', setting: setting.name, value },
    });
  }
}

/** A setting's value for people. */
export function shownOr(setting: CurrentSetting): string {
  return shown(setting) ?? 'none';
}
