import { BLANK_ID } from '@forebay/psync';
import type { Random } from '@forebay/testkit';
import { Stream } from './stream.ts';

/** How a server answered PSYNC. */
export type Answer =
  | { readonly type: 'continue'; readonly from: number }
  | { readonly type: 'full'; readonly from: number }
  | { readonly type: 'later' };

/** A server without sockets: ids, a stream, a backlog, and whom it follows. */
export class SimulatedServer {
  readonly name: string;
  readonly #random: Random;
  readonly #newId: () => string;
  id: string;
  secondId: string = BLANK_ID;
  secondIdLimit = -1;
  stream: Stream;
  upstream: SimulatedServer | undefined;
  running = true;
  /** Bytes that a partial resync is served from. */
  backlog: number;
  /** The next write has to say its database. */
  #select = true;
  /** Where its backlog began. */
  #attachedAt: number;

  constructor(name: string, random: Random, newId: () => string) {
    this.name = name;
    this.#random = random;
    this.#newId = newId;
    this.id = newId();
    this.stream = new Stream(random.integer(0, 500));
    this.#attachedAt = this.stream.start;
    this.backlog = random.pick([200, 1000, 10_000]);
  }

  get backlogStart(): number {
    return Math.max(this.#attachedAt, this.stream.end - this.backlog);
  }

  write(): void {
    this.stream.write(this.#random, this.#select);
    this.#select = false;
  }

  /** A full copy from another, as a replica takes it. */
  replicateFrom(upstream: SimulatedServer): void {
    const { id, secondId, secondIdLimit, stream } = upstream;
    Object.assign(this, { upstream, id, secondId, secondIdLimit });
    this.stream = stream.clone();
    this.#attachedAt = stream.end;
    this.running = true;
  }

  /** Takes some of what its primary has sent. */
  catchUp(all: boolean): void {
    const { upstream } = this;
    if (upstream === undefined || !upstream.running) return;
    const ahead = upstream.stream.cuts.filter(({ offset }) => offset > this.stream.end);
    const to = all ? ahead.at(-1) : ahead[this.#random.integer(0, ahead.length)];
    if (to !== undefined) this.stream.copyFrom(upstream.stream, to.offset);
    this.#adoptIds(upstream);
  }

  /** `replication.c: replicationUnsetMaster`, `shiftReplicationId`. */
  promote(): void {
    this.upstream = undefined;
    this.shift();
  }

  /** A new id from here on, as after a failover, or a restart since 7.0. */
  shift(): void {
    this.secondId = this.id;
    this.secondIdLimit = this.stream.end + 1;
    this.id = this.#newId();
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

  /** A replica whose primary has another id than it remembers takes that over (`+CONTINUE`). */
  #adoptIds({ id, secondId, secondIdLimit }: SimulatedServer): void {
    if (id === this.id) return;
    Object.assign(this, { id, secondId, secondIdLimit });
  }
}
