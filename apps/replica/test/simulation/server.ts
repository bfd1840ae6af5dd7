import { crc32 } from 'node:zlib';
import { BLANK_ID } from '@forebay/psync';
import type { Random } from '@forebay/testkit';
import { bytesOf } from '@forebay/testkit';
import type { Chances } from './chances.ts';
import { Stream } from './stream.ts';
import type { Truth } from './truth.ts';

/** How a server answered PSYNC. */
export type Answer =
  | { readonly type: 'continue'; readonly from: number }
  | { readonly type: 'full'; readonly from: number }
  | { readonly type: 'later' };

/** A server without sockets: ids, a stream, a backlog, and the server that it replicates. */
export class SimulatedServer {
  readonly name: string;
  readonly #chances: Chances;
  readonly #random: Random;
  readonly #truth: Truth;
  #ids = 0;
  id: string;
  secondId: string = BLANK_ID;
  secondIdLimit = -1;
  stream: Stream;
  upstream: SimulatedServer | undefined;
  running = true;
  /** Bytes that a partial resync is served from. */
  readonly backlog: number;
  /** Probability that it receives nothing from its primary at a step, from 0 to 1. */
  readonly #laziness: number;
  /** The version of its RDBs: below 10, expiry times in the stream are relative. */
  readonly #rdbVersion: string;
  /** The next write must begin with SELECT. */
  #select = true;
  /** Where its backlog began. */
  #attachedAt: number;

  constructor(name: string, chances: Chances, truth: Truth) {
    this.name = name;
    this.#chances = chances;
    this.#random = chances.of('server', name);
    this.#truth = truth;
    this.id = this.#newId();
    this.stream = new Stream(this.#random.integer(0, 500));
    this.#attachedAt = this.stream.start;
    this.backlog = this.#random.pick([200, 1000, 10_000]);
    this.#laziness = this.#random.pick([0, 0.5, 0.9]);
    this.#rdbVersion = this.#random.pick(['0009', '0011']);
  }

  get backlogStart(): number {
    return Math.max(this.#attachedAt, this.stream.end - this.backlog);
  }

  /** Starts to write under its own id, as the first primary. */
  begin(): void {
    this.#truth.begin(this.id, this.stream);
  }

  write(size: number): void {
    // Drawn by position: a write at an offset is the same whatever happens in other parts of the history.
    const random = this.#chances.of('write', this.id, this.stream.end);
    this.stream.write(random, this.#select, size);
    this.#select = false;
  }

  /** Does a full resync from another server and replicates it. */
  replicateFrom(upstream: SimulatedServer): void {
    const { id, secondId, secondIdLimit, stream } = upstream;
    Object.assign(this, { upstream, id, secondId, secondIdLimit });
    this.stream = stream.clone();
    this.#attachedAt = stream.end;
    this.running = true;
  }

  /** Takes some of what its primary has sent. */
  catchUp(): void {
    const { upstream } = this;
    if (upstream === undefined || !upstream.running) return;
    if (this.#random.float() < this.#laziness) return;
    const ahead = upstream.stream.cuts.filter(({ offset }) => offset > this.stream.end);
    const to = ahead[this.#random.integer(0, ahead.length)];
    if (to !== undefined) this.stream.copyFrom(upstream.stream, to.offset);
    this.#adoptIds(upstream);
  }

  /** `replication.c: replicationUnsetMaster`, `shiftReplicationId`. */
  promote(): void {
    this.upstream = undefined;
    this.running = true;
    this.shift();
  }

  /** A new id from here on, as after a failover, or a restart since 7.0. */
  shift(): void {
    this.#truth.end(this.id, this.stream);
    this.secondId = this.id;
    this.secondIdLimit = this.stream.end + 1;
    this.id = this.#newId();
    this.#truth.begin(this.id, this.stream);
    this.#select = true;
  }

  /** `replication.c: masterTryPartialResynchronization`, and what it answers while it cannot serve. */
  answer(id: string, asked: number): Answer {
    if (this.upstream !== undefined && !this.upstream.running) return { type: 'later' };
    const known =
      id.toLowerCase() === this.id ||
      (id.toLowerCase() === this.secondId && asked <= this.secondIdLimit);
    const held = asked > this.backlogStart && asked <= this.stream.end + 1;
    if (known && held) return { type: 'continue', from: asked - 1 };
    // A new replica has the primary say the database again (`replication.c: syncCommand`).
    if (this.upstream === undefined) this.#select = true;
    return { type: 'full', from: this.stream.end };
  }

  /** A snapshot of now: an RDB without keys, with an aux field that identifies the stream and the offset. */
  snapshot(): Uint8Array {
    const { stream } = this;
    return bytesOf(
      [
        `REDIS${this.#rdbVersion}`,
        ...aux('repl-stream-db', String(stream.database)),
        ...aux(CONTENT, contentAt(stream, stream.end)),
        '\xff\0\0\0\0\0\0\0\0',
      ].join(''),
    );
  }

  /** INFO, as far as it concerns replication. */
  report(): string {
    const { upstream } = this;
    const following =
      upstream === undefined
        ? ['role:master']
        : [
            'role:slave',
            `master_host:${upstream.name}`,
            'master_port:6379',
            `master_link_status:${upstream.running ? 'up' : 'down'}`,
          ];
    return [
      '# Replication',
      ...following,
      `master_replid:${this.id}`,
      `master_replid2:${this.secondId}`,
      `master_repl_offset:${this.stream.end}`,
      `second_repl_offset:${this.secondIdLimit}`,
      'repl_backlog_active:1',
      `repl_backlog_size:${this.backlog}`,
      `repl_backlog_first_byte_offset:${this.backlogStart + 1}`,
      `repl_backlog_histlen:${this.stream.end - this.backlogStart}`,
      '',
    ].join('\r\n');
  }

  #newId(): string {
    const id = `${this.name}${(++this.#ids).toString(16)}`;
    return id.padStart(40, '0').replace(/^0/, 'f');
  }

  /** A replica whose primary has another id than it remembers takes that over (`+CONTINUE`). */
  #adoptIds({ id, secondId, secondIdLimit }: SimulatedServer): void {
    if (id === this.id) return;
    Object.assign(this, { id, secondId, secondIdLimit });
  }
}

/** The aux field of a snapshot that identifies its content. */
const CONTENT = 'content';

/** The expected content of a snapshot at an offset: the offset, and a checksum of the stream up to it. */
export function contentAt(stream: Stream, offset: number): string {
  return `${offset} ${crc32(stream.slice(stream.start, offset))}`;
}

/** The content field of a snapshot; undefined: it is incomplete, or not from a simulated server. */
export function contentOf(rdb: Uint8Array): string | undefined {
  const text = Buffer.from(rdb).toString('latin1');
  const whole = text.endsWith('\xff\0\0\0\0\0\0\0\0');
  return whole ? /content.(\d+ \d+)/s.exec(text)?.[1] : undefined;
}

function aux(key: string, value: string): string[] {
  const text = (word: string) => String.fromCharCode(word.length) + word;
  return ['\xfa', text(key), text(value)];
}
