import { encodeCommand, encodeCommandParts } from '@forebay/resp';
import type { KeySelection, RdbEvent, RdbKey } from '../format/events.ts';
import { RdbReader } from '../reading/reader.ts';
import type { PlainLosses } from './plain-commands.ts';
import { isPlain, PlainCommands } from './plain-commands.ts';
import { PlainStreams } from './plain-streams.ts';
import { RestoreCommands } from './restore-commands.ts';

export interface RdbCommandsOptions {
  /** The keys to create; all by default. */
  readonly selects?: KeySelection;
  /** Whether keys are created by `SET`, `RPUSH`, `SADD` and so on instead of `RESTORE`; false by default. */
  readonly plain?: boolean;
  /** Whether keys and functions replace existing ones; false by default. */
  readonly replace?: boolean;
  /** Whether functions are loaded; true by default. */
  readonly functions?: boolean;
}

/** Counts of data that was left out because no command can set it. */
export interface CommandLosses extends Readonly<PlainLosses> {
  /** Keys without their module metadata. */
  readonly metadata: number;
  /** Pending entries of deleted messages, in streams above 512 MiB. */
  readonly deleted: number;
}

const NOTHING: readonly Uint8Array[] = [];

/** Writes the commands that load an RDB into a server, for `redis-cli --pipe`. */
export class RdbCommands {
  /** Reads the RDB: push its bytes, and pass each event to `take`, which sets the level of the reader. */
  readonly reader: RdbReader = new RdbReader({ level: 'raw' });
  readonly #options: RdbCommandsOptions;
  readonly #restore: RestoreCommands;
  readonly #plain: PlainCommands;
  readonly #streams: PlainStreams;
  #way: RestoreCommands | PlainCommands | PlainStreams | undefined;
  #database: number | undefined;
  #metadata = 0;

  constructor(options: RdbCommandsOptions = {}) {
    this.#options = options;
    this.#restore = new RestoreCommands(options.replace === true);
    this.#plain = new PlainCommands(options.replace);
    this.#streams = new PlainStreams(this.#plain);
  }

  /** Data that was left out so far. */
  get losses(): CommandLosses {
    const { negative, produced } = this.#plain.losses;
    return { metadata: this.#metadata, negative, produced, deleted: this.#streams.deleted };
  }

  /**
   * Takes the next event of the reader, and returns consecutive parts of commands, some of them views of the reader's
   * bytes: consume all of them before the next call of the reader.
   *
   * @throws {RdbError} `NEEDS_RESTORE`, `TOO_LARGE_FOR_RESTORE`, `UNSUPPORTED`; for a stream also those of a reader
   */
  take(event: RdbEvent): Iterable<Uint8Array> {
    switch (event.type) {
      case 'header':
        this.#restore.version = event.version;
        this.#streams.header(event);
        return NOTHING;
      case 'function':
        return this.#function(event.code);
      case 'key':
        return this.#key(event);
      case 'raw':
        if (this.#way === this.#streams) return this.#streams.add(event.bytes);
        this.#restore.add(event.bytes);
        return NOTHING;
      case 'key-end': {
        const way = this.#way;
        this.#way = undefined;
        return way?.end() ?? NOTHING;
      }
      case 'long':
      case 'piece':
      case 'long-end':
        return this.#plain.addLong(event);
      case 'aux':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
      case 'module-aux':
      case 'end':
      case 'container':
        return NOTHING;
      default:
        return this.#plain.add(event);
    }
  }

  #function(code: Uint8Array): readonly Uint8Array[] {
    const { functions = true, replace = false } = this.#options;
    if (!functions) return NOTHING;
    return encodeCommandParts(['FUNCTION', 'LOAD', ...(replace ? ['REPLACE'] : []), code]);
  }

  #key(key: RdbKey): Iterable<Uint8Array> {
    const { selects, plain = false } = this.#options;
    if (selects !== undefined && !selects(key)) {
      this.reader.skip();
      return NOTHING;
    }
    const { database, dataType, metadata } = key;
    if (metadata !== undefined) this.#metadata++;
    const isPlainKey = plain && isPlain(key);
    const isStream = dataType === 'stream';
    this.reader.level = isPlainKey && !isStream ? 'elements' : 'raw';
    this.#way = !isPlainKey ? this.#restore : isStream ? this.#streams : this.#plain;
    const begin = this.#way.begin(key) ?? NOTHING;
    if (database === this.#database) return begin;
    this.#database = database;
    return [encodeCommand(['SELECT', database]), ...begin];
  }
}
