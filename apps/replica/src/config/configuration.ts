import { isDeepStrictEqual } from 'node:util';
import type { ReplicaConfig } from '../config.ts';
import { configOf } from '../config.ts';
import { EXIT, ExitError } from '../exit.ts';
import { learnSecret } from '../logging/secrets.ts';
import type { Candidate } from './candidate.ts';
import { readConfigFile } from './file.ts';
import { NamedFiles } from './named-files.ts';
import { addressTextOf } from './primary.ts';
import type { ConfigFile, Fault, Given, Resolved, Sources } from './resolve.ts';
import { read, refusalOf, resolve } from './resolve.ts';
import { rewriteConfigFile } from './rewrite.ts';
import type { SettingName, Values } from './settings.ts';
import { CONNECTION, settingNames, settingOf, variableOf } from './settings.ts';
import { tomlOf } from './toml-value.ts';

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

/** Why settings take effect: the subscriber has just subscribed, all sources were read again, or `CONFIG SET`. */
type Cause = 'start' | 'reload' | 'command';

/** Settings that take effect. */
export interface SettingsChange {
  readonly cause: Cause;
  readonly config: ReplicaConfig;
  /** Settings whose value has changed. */
  readonly changed: readonly CurrentSetting[];
  /** Settings whose new value in the sources needs a restart: the old value stays in effect. */
  readonly kept: readonly CurrentSetting[];
  /** Settings that name the same file as before, with new content in it. */
  readonly files: readonly CurrentSetting[];
}

/** A part of the daemon that depends on settings. */
export interface SettingsSubscriber {
  /** Refuses settings that it cannot apply. @throws {ExitError} the reason */
  check?(config: ReplicaConfig): void;
  /** Applies the settings. It never throws: `check` has refused what cannot be applied. */
  adopt(change: SettingsChange): void;
}

/** Settings that a candidate is made of: a change of any other leaves whom we follow as it is. */
const CANDIDATES: ReadonlySet<SettingName> = new Set([
  'replicaof',
  'replicaof-file',
  ...CONNECTION,
]);

/** The settings that `rewrite` wrote to the file. */
export interface Rewritten {
  readonly path: string;
  /** The file's permissions. */
  readonly mode: number;
  /** Settings that a flag or a variable goes before. */
  readonly overruled: readonly SettingName[];
  /** Settings with a secret, where the file can be read by its group or by everyone. */
  readonly exposed: readonly SettingName[];
}

const READABLE_BY_OTHERS = 0o044;

/**
 * The settings in effect, and the one place that changes them: a change is checked as a whole, then each
 * subscriber applies it, in the order in which they subscribed. A value set by a command stays in effect until
 * all sources are read again, because the files decide then; `rewrite` writes it to the file.
 */
export class Configuration {
  readonly #origin: Origin;
  #settings: Resolved;
  #config: ReplicaConfig;
  /** As they were when all was read last: a command reads files, and takes no candidate out of them. */
  #files: NamedFiles;
  /** Set by a command, and not in the file. */
  readonly #unwritten = new Set<SettingName>();
  readonly #subscribers = new Set<SettingsSubscriber>();

  /** @throws {ExitError} usage or configuration, with all that is wrong */
  constructor(origin: Origin) {
    this.#origin = origin;
    this.#settings = readable(origin);
    this.#config = complete(this.#settings);
    this.#files = this.#settings.files;
  }

  get config(): ReplicaConfig {
    return this.#config;
  }

  /** Every setting, in the order of the table. */
  get settings(): readonly CurrentSetting[] {
    return settingNames.map((name) => currentOf(name, this.#settings));
  }

  /** The file of settings, if there is one. */
  get path(): string | undefined {
    return this.#origin.path;
  }

  /** Applies the settings in effect to `subscriber` at once, and then each change, until the returned function is called. */
  subscribe(subscriber: SettingsSubscriber): () => void {
    subscriber.adopt({ cause: 'start', config: this.#config, changed: [], kept: [], files: [] });
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /**
   * Reads everything anew, and takes of it what can change now.
   *
   * @throws {ExitError} where it cannot be used; then nothing has changed
   */
  reload(): void {
    const before = this.#settings;
    const fresh = readable(this.#origin);
    const merged = merge(before, fresh);
    const config = this.#checked(complete(merged));
    const differing = settingNames.filter(
      (name) => !isDeepStrictEqual(before.values[name], fresh.values[name]),
    );
    const told = differing.map((name) => currentOf(name, merged));
    const names = merged.files.changedSince(this.#files);
    this.#config = config;
    this.#settings = merged;
    this.#files = merged.files;
    this.#unwritten.clear();
    this.#publish({
      cause: 'reload',
      config,
      changed: told.filter(({ live }) => live),
      kept: told.filter(({ live }) => !live),
      files: names.map((name) => currentOf(name, merged)),
    });
  }

  /**
   * Gives settings that can change other values, all of them or none.
   *
   * @throws {ExitError} where they cannot be used; then nothing has changed
   */
  set(changes: ReadonlyMap<SettingName, string>): void {
    const before = this.#settings;
    const after = withChanges(before, changes);
    const made = complete(after);
    const names = [...changes.keys()];
    const { candidates, tls } = names.some((name) => CANDIDATES.has(name)) ? made : this.#config;
    const config = this.#checked({ ...made, candidates, tls });
    const differing = names.filter((name) => {
      return !isDeepStrictEqual(before.values[name], after.values[name]);
    });
    this.#config = config;
    this.#settings = after;
    for (const name of names) this.#unwritten.add(name);
    this.#publish({
      cause: 'command',
      config,
      changed: differing.map((name) => currentOf(name, after)),
      kept: [],
      files: [],
    });
  }

  /** Takes note of whom we were told to follow, alone (`REPLICAOF`): whoever told it has it done. */
  follows(candidate: Candidate): void {
    const address = addressTextOf(candidate, this.#settings.values);
    this.#settings = withChanges(this.#settings, new Map([['replicaof', address]]));
    this.#unwritten.add('replicaof');
  }

  /**
   * Writes the settings of CONFIG SET to the file.
   *
   * @throws {ExitError} where there is no file, or it cannot be written
   */
  rewrite(): Rewritten {
    const { path, flags, env } = this.#origin;
    if (path === undefined) {
      throw new ExitError(EXIT.usage, 'The server is running without a config file');
    }
    const names = [...this.#unwritten];
    const changes = names.map((name) => {
      const { value, text } = currentOf(name, this.#settings);
      return [name, tomlOf(value, text)] as const;
    });
    const mode = names.length > 0 ? rewriteConfigFile(path, new Map(changes)) : 0;
    this.#unwritten.clear();
    const isReadable = (mode & READABLE_BY_OTHERS) !== 0;
    return {
      path,
      mode,
      overruled: names.filter((name) => flags.has(name) || env[variableOf(name)]),
      exposed: names.filter((name) => isReadable && this.#hasSecret(name)),
    };
  }

  /** Asks every subscriber before any applies it. @throws {ExitError} the first refusal */
  #checked(config: ReplicaConfig): ReplicaConfig {
    for (const subscriber of this.#subscribers) subscriber.check?.(config);
    return config;
  }

  #publish(change: SettingsChange): void {
    for (const subscriber of this.#subscribers) subscriber.adopt(change);
  }

  /** A URL may have a password, too. */
  #hasSecret(name: SettingName): boolean {
    const { secret, text = '' } = currentOf(name, this.#settings);
    return secret ? text !== '' : /:\/\/[^\s/@]*:[^\s/@]+@/.test(text);
  }
}

function withChanges(before: Resolved, changes: ReadonlyMap<SettingName, string>): Resolved {
  const values: Partial<Record<SettingName, unknown>> = { ...before.values };
  const given = new Map(before.given);
  for (const [name, text] of changes) {
    const source: Given = { kind: 'command', place: 'CONFIG SET', text };
    if (settingOf(name).secret) learnSecret(text);
    values[name] = read(name, source);
    given.set(name, source);
  }
  return { values: values as Values, given, files: new NamedFiles() };
}

/** All that is wrong, in the order in which it was found; nothing where it can be used. */
export function faultsIn(origin: Origin): readonly Fault[] {
  const faults: Fault[] = [];
  const settings = readAll(origin, faults);
  // What could not be read would be missed, and told a second time as missing.
  if (faults.length === 0) configOf(settings, faults);
  return faults;
}

function readable(origin: Origin): Resolved {
  const faults: Fault[] = [];
  const settings = readAll(origin, faults);
  if (faults.length > 0) throw refusalOf(faults);
  return settings;
}

function readAll({ flags, env, path }: Origin, faults: Fault[]): Resolved {
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
  return { values: values as Values, given, files: new NamedFiles() };
}

function currentOf(name: SettingName, { values, given }: Resolved): CurrentSetting {
  const { form, secret = false, live = false } = settingOf(name);
  const value = values[name];
  const text = value === undefined ? undefined : form.print(value);
  return { name, value, text, given: given.get(name), secret, live };
}
