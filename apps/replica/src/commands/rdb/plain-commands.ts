import type { RdbElement, RdbKey, RdbLongElement } from '@forebay/rdb';
import { encodeCommand } from '@forebay/resp';
import { EXIT, ExitError } from '../../exit.ts';
import { commandParts } from '../../output/command-parts.ts';
import { nameOf } from './scan.ts';
import type { Argument } from './stream-commands.ts';
import { StreamCommands } from './stream-commands.ts';

/** Elements in one command at the most (`aof.c: AOF_REWRITE_ITEMS_PER_CMD`). */
const MOST_ELEMENTS = 64;
/** And bytes of them, so that no command is much longer than its longest element. */
const MOST_BYTES = 1024 * 1024;

const CRLF = Buffer.from('\r\n');

/** The command that takes several elements of a type. */
const COMMANDS = { item: 'RPUSH', member: 'SADD', scored: 'ZADD', field: 'HMSET' } as const;

/** Where commands go. A promise: the next waits for it. */
export interface CommandSink {
  add(bytes: Uint8Array): void | Promise<void>;
}

/** The properties of a key that PlainCommands needs. */
export type PlainKey = Pick<RdbKey, 'key' | 'expiresAt'>;

/** Makes the commands that build a key of its elements, as a rewritten AOF has them (`aof.c`). */
export class PlainCommands {
  readonly #output: CommandSink;
  readonly #replace: boolean;
  readonly #stream: StreamCommands;
  #key!: PlainKey;
  /** Elements that wait for others to be in one command with; copies, for their bytes do not last. */
  #batch: Argument[] = [];
  #command = '';
  #elements = 0;
  #bytes = 0;
  /** Fields of the batch that expire. */
  #times: [time: number, field: Uint8Array][] = [];

  constructor(output: CommandSink, replace: boolean) {
    this.#output = output;
    this.#replace = replace;
    this.#stream = new StreamCommands((args) => output.add(encodeCommand(args)));
  }

  /** `missing`: as `StreamCommands.begin` has it. */
  begin(key: PlainKey, missing?: readonly string[]): void | Promise<void> {
    this.#key = { key: key.key.slice(), expiresAt: key.expiresAt };
    this.#stream.begin(this.#key.key, missing);
    if (this.#replace) return this.#send(['DEL', key.key]);
  }

  add(element: RdbElement): void | Promise<void> {
    switch (element.type) {
      case 'value':
        return this.#send(['SET', this.#key.key, element.value]);
      case 'item':
        return this.#gather(COMMANDS.item, [element.value]);
      case 'member':
        return this.#gather(COMMANDS.member, [element.member]);
      case 'scored':
        return this.#gather(COMMANDS.scored, [scoreOf(element.score), element.member]);
      case 'field': {
        const { field, value, expiresAt } = element;
        if (expiresAt !== undefined) this.#times.push([expiresAt, field.slice()]);
        return this.#gather(COMMANDS.field, [field, value]);
      }
      case 'module-id':
      case 'module-value':
      case 'slot-value':
      case 'insert-index':
      case 'count':
      case 'node':
        return undefined;
      default:
        return this.#stream.add(element);
    }
  }

  /** A string above the memory limit becomes the last argument of a separate command. */
  async addLong(event: RdbLongElement): Promise<void> {
    if (event.type === 'piece') return this.#output.add(event.bytes);
    const { element } = event;
    if (event.type === 'long') {
      await this.#flush();
      const args = this.#argumentsBefore(element, event.string);
      await this.#output.add(Buffer.from(`*${args.length + 1}\r\n`));
      for (const arg of args) await this.#sendPart(arg);
      return this.#output.add(Buffer.from(`$${event.length}\r\n`));
    }
    await this.#output.add(CRLF);
    if (element.type !== 'field' || element.expiresAt === undefined) return;
    const { field, expiresAt } = element;
    await this.#send(['HPEXPIREAT', this.#key.key, expiresAt, 'FIELDS', 1, field]);
  }

  /** @throws {ExitError} runtime where the string cannot be the last argument */
  #argumentsBefore(element: RdbElement, string: number): Argument[] {
    const { key } = this.#key;
    if (element.type === 'value') return ['SET', key];
    if (element.type === 'item') return [COMMANDS.item, key];
    if (element.type === 'member') return [COMMANDS.member, key];
    if (element.type === 'field' && string === 1) return [COMMANDS.field, key, element.field];
    const what = element.type === 'scored' ? 'member of a sorted set' : 'field name';
    const message = `key ${nameOf(key)} has a ${what} above 512 MiB: no command used here can carry it`;
    throw new ExitError(EXIT.runtime, message);
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#stream.end();
    const { key, expiresAt } = this.#key;
    if (expiresAt !== undefined) await this.#send(['PEXPIREAT', key, expiresAt]);
  }

  #gather(command: string, args: readonly (string | Uint8Array)[]): void | Promise<void> {
    this.#command = command;
    for (const arg of args) {
      this.#batch.push(arg.slice());
      this.#bytes += arg.length;
    }
    this.#elements++;
    if (this.#elements >= MOST_ELEMENTS || this.#bytes >= MOST_BYTES) return this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#elements === 0) return;
    const { key } = this.#key;
    const times = this.#times;
    await this.#send([this.#command, key, ...this.#batch]);
    this.#batch = [];
    this.#times = [];
    this.#elements = 0;
    this.#bytes = 0;
    for (const [time, field] of times) {
      await this.#send(['HPEXPIREAT', key, time, 'FIELDS', 1, field]);
    }
  }

  /** What is long is written in its parts, and not put together first. */
  #send(args: readonly Argument[]): void | Promise<void> {
    const [only, ...others] = commandParts(args);
    if (others.length === 0) return this.#output.add(only!);
    return this.#addAll([only!, ...others]);
  }

  async #addAll(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) await this.#output.add(part);
  }

  async #sendPart(arg: Argument): Promise<void> {
    const body = arg instanceof Uint8Array ? arg : Buffer.from(String(arg));
    await this.#output.add(Buffer.from(`$${body.length}\r\n`));
    await this.#output.add(body);
    await this.#output.add(CRLF);
  }
}

/** Shortest digits that give the same number again. */
function scoreOf(score: number): string {
  if (Number.isFinite(score)) return Object.is(score, -0) ? '-0' : String(score);
  if (Number.isNaN(score)) return 'nan';
  return score > 0 ? 'inf' : '-inf';
}
