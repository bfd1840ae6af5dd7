import { isDeepStrictEqual } from 'node:util';
import type { ReplicaConfig } from '../config.ts';
import { configOf } from '../config.ts';
import type { ConfigFile } from './file.ts';
import { readConfigFile } from './file.ts';
import type { Fault, Given, Resolved, Sources } from './resolve.ts';
import { refusalOf, resolve } from './resolve.ts';
import type { SettingName, Values } from './settings.ts';
import { settingNames, settingOf } from './settings.ts';

/** Where the settings of a daemon are, now and whenever they are read anew. */
export interface Origin extends Pick<Sources, 'flags' | 'env'> {
  /** A file of settings. */
  readonly path: string | undefined;
}

/** A setting as it is in effect. */
export interface CurrentSetting {
  readonly name: SettingName;
  readonly value: unknown;
  /** As `CONFIG GET` tells it; undefined: it has none. Of a secret it is the secret. */
  readonly text: string | undefined;
  readonly given: Given | undefined;
  readonly secret: boolean;
  /** Whether it can be changed while the daemon runs. */
  readonly live: boolean;
}

/** What reading anew has brought. */
export interface Reloaded {
  readonly config: ReplicaConfig;
  readonly changed: readonly CurrentSetting[];
  /** Given anew otherwise, which is for the next start: they are as they were. */
  readonly kept: readonly CurrentSetting[];
}

/** The settings in effect, and the one place that changes them. */
export class Configuration {
  readonly #origin: Origin;
  #settings: Resolved;
  #config: ReplicaConfig;

  /** @throws {ExitError} usage or configuration, with all that is wrong */
  constructor(origin: Origin) {
    this.#origin = origin;
    this.#settings = readable(origin);
    this.#config = complete(this.#settings);
  }

  get config(): ReplicaConfig {
    return this.#config;
  }

  /** Every setting, in the order of the table. */
  get settings(): readonly CurrentSetting[] {
    return settingNames.map((name) => currentOf(name, this.#settings));
  }

  /** Whether there is a file to read anew. */
  get isReloadable(): boolean {
    const { 'replicaof-file': file } = this.#settings.values;
    return this.#origin.path !== undefined || file !== undefined;
  }

  /**
   * Reads everything anew, and takes of it what can change now.
   *
   * @throws {ExitError} where it cannot be used; then nothing has changed
   */
  reload(): Reloaded {
    const before = this.#settings;
    const fresh = readable(this.#origin);
    const merged = merge(before, fresh);
    this.#config = complete(merged);
    this.#settings = merged;
    const differing = settingNames.filter(
      (name) => !isDeepStrictEqual(before.values[name], fresh.values[name]),
    );
    const told = differing.map((name) => currentOf(name, merged));
    return {
      config: this.#config,
      changed: told.filter(({ live }) => live),
      kept: told.filter(({ live }) => !live),
    };
  }
}

/** All that is wrong, in the order in which it was found; nothing where it can be used. */
export function faultsIn(origin: Origin): readonly Fault[] {
  const faults: Fault[] = [];
  const settings = read(origin, faults);
  // What could not be read would be missed, and told a second time as missing.
  if (faults.length === 0) configOf(settings, faults);
  return faults;
}

function readable(origin: Origin): Resolved {
  const faults: Fault[] = [];
  const settings = read(origin, faults);
  if (faults.length > 0) throw refusalOf(faults);
  return settings;
}

function read({ flags, env, path }: Origin, faults: Fault[]): Resolved {
  const file: ConfigFile | undefined =
    path === undefined ? undefined : readConfigFile(path, faults);
  return resolve(settingNames, { flags, env, file }, faults);
}

function complete(settings: Resolved): ReplicaConfig {
  const faults: Fault[] = [];
  const config = configOf(settings, faults);
  if (config === undefined || faults.length > 0) throw refusalOf(faults);
  return config;
}

/** What can change as it is now, the rest as it was. */
function merge(before: Resolved, now: Resolved): Resolved {
  const values: Partial<Record<SettingName, unknown>> = {};
  const given = new Map<SettingName, Given>();
  for (const name of settingNames) {
    const from = settingOf(name).live ? now : before;
    const source = from.given.get(name);
    if (source === undefined) continue;
    values[name] = from.values[name];
    given.set(name, source);
  }
  return { values: values as Values, given };
}

function currentOf(name: SettingName, { values, given }: Resolved): CurrentSetting {
  const { form, secret = false, live = false } = settingOf(name);
  const value = values[name];
  const text = value === undefined ? undefined : form.print(value);
  return { name, value, text, given: given.get(name), secret, live };
}
