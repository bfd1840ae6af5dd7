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
  /** How often it takes nothing of what its primary has sent, from 0 to 1. */
  readonly #laziness: number;
  /** The version of its RDBs: before 10, times in the stream are relative. */
  readonly #rdbVersion: string;
  /** The next write has to begin with its database. */
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

  /** Writes under its own id, as the first of the servers. */
  begin(): void {
    this.#truth.begin(this.id, this.stream);
  }

  write(size: number): void {
    // By position: the same write comes at the same place, whatever came of other parts of the history.
    const random = this.#chances.of('write', this.id, this.stream.end);
    this.stream.write(random, this.#select, size);
    this.#select = false;
  }

  /** Takes a full copy from another server and replicates it. */
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

  /** The data set as it is now: an RDB without keys, which says of what stream it is. */
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

/** The aux field in which a snapshot says what it contains. */
const CONTENT = 'content';

/** What a snapshot at an offset has to say: the offset, and a checksum of all that was written before. */
export function contentAt(stream: Stream, offset: number): string {
  return `${offset} ${crc32(stream.slice(stream.start, offset))}`;
}

/** What a snapshot says of its content; undefined: it is none of a simulated server, or not whole. */
export function contentOf(rdb: Uint8Array): string | undefined {
  const text = Buffer.from(rdb).toString('latin1');
  const whole = text.endsWith('\xff\0\0\0\0\0\0\0\0');
  return whole ? /content.(\d+ \d+)/s.exec(text)?.[1] : undefined;
}

function aux(key: string, value: string): string[] {
  const text = (word: string) => String.fromCharCode(word.length) + word;
  return ['\xfa', text(key), text(value)];
}
