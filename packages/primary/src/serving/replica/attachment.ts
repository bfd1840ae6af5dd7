import type { Traits } from '../../conversation/replconf.ts';
import type { Snapshot } from '../../source.ts';
import type { Outlet } from './outlet.ts';
import type { OutputLimit } from './output-limit.ts';
import { OutputWatch } from './output-limit.ts';
import type { ReplicaConnection, Supply } from './supply.ts';
import type { RandomBytes } from './transfer.ts';
import { sendPayload } from './transfer.ts';

/** In the words of INFO: the snapshot is made, it is sent, the stream is sent. */
export type ReplicaState = 'wait_bgsave' | 'send_bulk' | 'online';

/** Bytes that an RDB begins with: the magic and the version. */
const FORMAT_LENGTH = 9;
/** Random bytes of which the mark of a payload is made, in hexadecimal. */
const MARK_BYTES = 20;

export interface AttachmentOptions {
  /** What it is called. */
  readonly name: string;
  /** It asked by SYNC. */
  readonly bySync: boolean;
  /** Random bytes, for the mark of a payload. */
  readonly random: RandomBytes;
  /** Undefined: it may leave lying what it will. */
  readonly outputLimit: OutputLimit | undefined;
  /** What it lacks is not to be had. */
  readonly onLost: (error: unknown) => void;
}

/** A client that has become a replica: from its PSYNC to its end. */
export class Attachment {
  readonly #connection: ReplicaConnection;
  readonly #random: RandomBytes;
  readonly #supply: Supply;
  readonly #onLost: (error: unknown) => void;
  readonly #name: string;
  readonly #watch: OutputWatch | undefined;
  /** It asked by SYNC: it knows no offsets, and is never too late with one. */
  readonly bySync: boolean;
  /** Where the stream was when it came. */
  readonly #since: number;
  #state: ReplicaState = 'wait_bgsave';
  #outlet: Outlet | undefined;
  /** An `$EOF` payload is sent, and the replica has not yet said that it has it. */
  #unconfirmed = false;
  #stalled = false;
  #copy: 'none' | 'due' | 'sent' | 'loaded' = 'none';
  #format: string | undefined;
  #acknowledged = 0;
  #synced: number | undefined;

  constructor(connection: ReplicaConnection, supply: Supply, options: AttachmentOptions) {
    const { name, bySync, random, outputLimit, onLost } = options;
    this.#random = random;
    this.#name = name;
    this.#connection = connection;
    this.#supply = supply;
    this.bySync = bySync;
    this.#watch = outputLimit && new OutputWatch(outputLimit, supply.backlog.size);
    this.#onLost = onLost;
    this.#since = supply.backlog.masterOffset;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** What it is to be heard or seen by, lest it be given up; undefined: nothing. */
  get signOfLife(): 'words' | 'progress' | undefined {
    if (this.#state === 'wait_bgsave') return undefined;
    if (this.#state === 'send_bulk' && !this.#unconfirmed) return 'progress';
    // Who asked by SYNC has nothing to acknowledge; while it loads a payload it sends empty lines.
    return this.bySync ? undefined : 'words';
  }

  /** Whether it is due to load a full resync, and has not shown by an ACK that it has. */
  get awaitsLoad(): boolean {
    return this.#copy === 'due' || this.#copy === 'sent';
  }

  /** What the snapshot begins with that was sent, such as `REDIS0011`; undefined: none was. */
  get format(): string | undefined {
    return this.#format;
  }

  /** What it has acknowledged, by ACK. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** What it says is on its disk, by FACK; undefined where it has not said. */
  get synced(): number | undefined {
    return this.#synced;
  }

  /** Offset of the last byte that was handed to its socket; undefined before the stream. */
  get sent(): number | undefined {
    return this.#outlet?.offset;
  }

  /** Why it is to be cut off, of what came since it did and it has not taken; undefined: it is not. */
  overLimit(now: number): string | undefined {
    const taken = Math.max(this.#since, this.#outlet?.passedOn ?? 0);
    return this.#watch?.look(this.#supply.backlog.masterOffset - taken, now);
  }

  /** A full resync begins now. What never acknowledges is not asked whether it has loaded it. */
  expectLoad(): void {
    this.#copy = 'due';
  }

  /** It loses what it was sent, by no fault of its own. */
  excuse(): void {
    this.#copy = 'none';
  }

  /** Goes on after `offset`. */
  continue(offset: number): void {
    this.#acknowledged = offset;
    this.#begin(offset);
    this.#goOnline();
  }

  /** Sends a data set and then what came after it. Closes the snapshot. */
  async transfer(snapshot: Snapshot, { eof, rdbOnly }: Traits): Promise<void> {
    this.#state = 'send_bulk';
    this.#begin(snapshot.offset);
    try {
      const mark = eof ? Buffer.from(this.#random(MARK_BYTES)).toString('hex') : undefined;
      await sendPayload(this.#connection.connection, snapshot, mark, (bytes) => {
        this.#format = Buffer.from(bytes.subarray(0, FORMAT_LENGTH)).toString('latin1');
      });
    } finally {
      await snapshot.close();
    }
    if (this.#copy === 'due') this.#copy = 'sent';
    // It had nothing to say while it read.
    this.#connection.touch();
    if (rdbOnly) this.#connection.end();
    else if (eof) this.#unconfirmed = true;
    else this.#goOnline();
  }

  /** `REPLCONF ACK`: the maximum counts (`replication.c: replconfCommand`). */
  acknowledge(offset: number, synced?: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, offset);
    if (synced !== undefined) this.#synced = Math.max(this.#synced ?? 0, synced);
    if (this.#copy === 'sent') this.#copy = 'loaded';
    if (!this.#unconfirmed) return;
    this.#unconfirmed = false;
    this.#goOnline();
  }

  /** There is more of the stream. */
  advance(): void {
    this.#outlet?.advance();
  }

  stall(): void {
    this.#stalled = true;
    this.#outlet?.stall();
  }

  resume(): void {
    this.#stalled = false;
    this.#outlet?.resume();
  }

  #begin(offset: number): void {
    this.#outlet = this.#supply.outlet(this.#connection, offset, this.#name, this.#onLost);
    if (this.#stalled) this.#outlet.stall();
  }

  #goOnline(): void {
    this.#state = 'online';
    this.#outlet?.open();
  }
}
