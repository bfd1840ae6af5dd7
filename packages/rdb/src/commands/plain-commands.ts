import { encodeCommandParts } from '@forebay/resp';
import { bytesOfText, keyName } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbElement, RdbKey, RdbLongElement } from '../format/events.ts';
import type { Argument } from './argument.ts';
import { StreamCommands } from './stream-commands.ts';
import { StreamGaps } from './stream-gaps.ts';

/** Elements in one command at the most (`aof.c: AOF_REWRITE_ITEMS_PER_CMD`). */
const MOST_ELEMENTS = 64;
/** And bytes of them, so that no command is much longer than its longest element. */
const MOST_BYTES = 1024 * 1024;

const CRLF = bytesOfText('\r\n');
const NOTHING: readonly Uint8Array[] = [];

/** The command that takes several elements of a type. */
const COMMANDS = { item: 'RPUSH', member: 'SADD', scored: 'ZADD', field: 'HMSET' } as const;

/** The properties of a key that `PlainCommands` needs. */
export type PlainKey = Pick<RdbKey, 'key' | 'dataType' | 'expiresAt'>;

/** Counts of data that was left out because no command can set it. */
export interface PlainLosses {
  /** Pending entries that consumers released (`XNACK`). */
  negative: number;
  /** Ids for the detection of duplicate messages. */
  produced: number;
}

/** Whether commands other than `RESTORE` make a key of that type. */
export function isPlain({ dataType }: Pick<RdbKey, 'dataType'>): boolean {
  return dataType !== 'module' && dataType !== 'array';
}

/**
 * Writes the client commands that create a key from its elements, as in a rewritten AOF (`aof.c`): `SET`, `RPUSH`,
 * `SADD`, `ZADD`, `HMSET`, `XADD` and so on, `PEXPIREAT`.
 *
 * Returns consecutive parts of commands, some of them views of the bytes of an element. The caller must consume all
 * parts before the next call.
 */
export class PlainCommands {
  readonly losses: PlainLosses = { negative: 0, produced: 0 };
  readonly #replace: boolean;
  readonly #stream = new StreamCommands();
  #key!: PlainKey;
  /** Elements that wait for others to be in one command with; copies, for their bytes do not last. */
  #batch: Argument[] = [];
  #command = '';
  #elements = 0;
  #bytes = 0;
  /** Fields of the batch that expire. */
  #times: [time: number, field: Uint8Array][] = [];

  /** `replace`: whether an existing key is deleted first. */
  constructor(replace = false) {
    this.#replace = replace;
  }

  /**
   * All commands of a key. Pending entries of deleted messages need placeholders among the messages of a stream, but
   * follow after them: `elements` is called twice for a stream.
   *
   * @throws {RdbError} `NEEDS_RESTORE` @throws the errors of `elements`
   */
  *commandsOf(
    key: PlainKey,
    elements: () => Iterable<RdbElement>,
  ): Generator<Uint8Array, void, void> {
    let missing: readonly string[] | undefined;
    if (key.dataType === 'stream') {
      const gaps = new StreamGaps();
      for (const element of elements()) gaps.add(element);
      missing = gaps.ids();
    }
    yield* this.begin(key, missing);
    for (const element of elements()) yield* this.add(element);
    yield* this.end();
  }

  /** `missing`: ids of pending entries whose messages were deleted, in order. */
  begin(key: PlainKey, missing?: readonly string[]): Iterable<Uint8Array> {
    this.#key = { ...key, key: new Uint8Array(key.key) };
    this.#stream.begin(this.#key.key, missing);
    return this.#replace ? encodeCommandParts(['DEL', key.key]) : NOTHING;
  }

  /** @throws {RdbError} `NEEDS_RESTORE` */
  add(element: RdbElement): Iterable<Uint8Array> {
    switch (element.type) {
      case 'value':
        return encodeCommandParts(['SET', this.#key.key, element.value]);
      case 'item':
        return this.#gather(COMMANDS.item, copyOf(element.value));
      case 'member':
        return this.#gather(COMMANDS.member, copyOf(element.member));
      case 'scored':
        return this.#gather(COMMANDS.scored, scoreOf(element.score), copyOf(element.member));
      case 'field': {
        const { expiresAt } = element;
        const field = copyOf(element.field);
        if (expiresAt !== undefined) this.#times.push([expiresAt, field]);
        return this.#gather(COMMANDS.field, field, copyOf(element.value));
      }
      case 'module-id':
      case 'module-value':
      case 'slot-value':
      case 'insert-index':
      case 'count':
      case 'node':
        return NOTHING;
      case 'negative':
      case 'produced':
        this.losses[element.type]++;
        return NOTHING;
      default:
        return this.#encoded(this.#stream.add(element));
    }
  }

  /**
   * An element with a string in pieces: the string becomes the last argument of a separate command.
   *
   * @throws {RdbError} `UNSUPPORTED` if the string cannot be the last argument
   */
  *addLong(event: RdbLongElement): Generator<Uint8Array, void, void> {
    if (event.type === 'piece') {
      yield event.bytes;
      return;
    }
    const { element } = event;
    if (event.type === 'long') {
      yield* this.#flush();
      const args = this.#argumentsBefore(element, event.string);
      yield bytesOfText(`*${args.length + 1}\r\n`);
      for (const arg of args) yield* bulkOf(arg);
      yield bytesOfText(`$${event.length}\r\n`);
      return;
    }
    yield CRLF;
    if (element.type !== 'field' || element.expiresAt === undefined) return;
    yield* this.#expireField(element.expiresAt, element.field);
  }

  /** The key is complete. */
  *end(): Generator<Uint8Array, void, void> {
    yield* this.#flush();
    yield* this.#encoded(this.#stream.end());
    const { key, expiresAt } = this.#key;
    if (expiresAt !== undefined) yield* encodeCommandParts(['PEXPIREAT', key, expiresAt]);
  }

  #argumentsBefore(element: RdbElement, string: number): (string | Uint8Array)[] {
    const { key } = this.#key;
    if (element.type === 'value') return ['SET', key];
    if (element.type === 'item') return [COMMANDS.item, key];
    if (element.type === 'member') return [COMMANDS.member, key];
    if (element.type === 'field' && string === 1) return [COMMANDS.field, key, element.field];
    const what = element.type === 'scored' ? 'member of a sorted set' : 'field name';
    const message = `key ${keyName(key)} has a ${what} above 512 MiB: no command used here can carry it`;
    throw new RdbError('UNSUPPORTED', 0, message);
  }

  #gather(command: string, ...args: readonly (string | Uint8Array)[]): readonly Uint8Array[] {
    this.#command = command;
    for (const arg of args) {
      this.#batch.push(arg);
      this.#bytes += arg.length;
    }
    this.#elements++;
    const isFull = this.#elements >= MOST_ELEMENTS || this.#bytes >= MOST_BYTES;
    return isFull ? this.#flush() : NOTHING;
  }

  #flush(): readonly Uint8Array[] {
    if (this.#elements === 0) return NOTHING;
    const parts = encodeCommandParts([this.#command, this.#key.key, ...this.#batch]);
    for (const [time, field] of this.#times) parts.push(...this.#expireField(time, field));
    this.#batch = [];
    this.#times = [];
    this.#elements = 0;
    this.#bytes = 0;
    return parts;
  }

  #expireField(time: number, field: Uint8Array): Uint8Array[] {
    return encodeCommandParts(['HPEXPIREAT', this.#key.key, time, 'FIELDS', 1, field]);
  }

  *#encoded(commands: Iterable<readonly Argument[]>): Generator<Uint8Array, void, void> {
    for (const command of commands) yield* encodeCommandParts(command);
  }
}

/** An argument alone. */
function bulkOf(arg: string | Uint8Array): Uint8Array[] {
  const body = typeof arg === 'string' ? bytesOfText(arg) : arg;
  return [bytesOfText(`$${body.length}\r\n`), body, CRLF];
}

/** Of a Buffer, which may be what was pushed, `slice` would be a view. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Shortest digits that give the same number again. */
function scoreOf(score: number): string {
  if (Number.isFinite(score)) return Object.is(score, -0) ? '-0' : String(score);
  if (Number.isNaN(score)) return 'nan';
  return score > 0 ? 'inf' : '-inf';
}
