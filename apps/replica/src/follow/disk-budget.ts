import type { Clock } from '@forebay/clock';
import type { Log } from '@forebay/log';
import { CountedBase } from './counted-base.ts';
import type { DiskState } from './disk-policy.ts';
import { slackOf } from './disk-policy.ts';
import type { BaseFile } from './world.ts';

type Kind = 'fetch' | 'transfer';

/** Milliseconds that the rate of the stream is measured over. */
const RATE_WINDOW = 5000;
/** By how much the next base is expected to exceed the newest; and after one that outgrew its room, that. */
const GROWTH = 1.25;
const OUTGROWN = 1.5;
/** Bytes that are added to it. */
const LEAST_GROWTH = 64 * 1024;

/** Bytes of the log on disk, in transfer and expected: the input of the policy. */
export class DiskBudget {
  readonly #log: Log;
  readonly #clock: Clock;
  /** `--max-disk` in bytes. */
  limit = Infinity;
  fetch: DiskState['fetch'] = 'none';
  /** Bytes of files that are made of others, before those are cut. */
  copying = 0;
  readonly #received: Record<Kind, number> = { fetch: 0, transfer: 0 };
  #fetchedAt: number | undefined;
  #failures = 0;
  #refused = false;
  /** Offset of the base that was requested last: the next base is not earlier. */
  #stands = 0;
  /** Bytes of a base that outgrew its room. */
  #outgrown = 0;
  #windowSince: number;
  #windowBytes = 0;
  #rate = 0;
  /** Write rate of the primary in bytes a second, at its last report of an offset. */
  #written = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#windowSince = clock.now();
  }

  get state(): DiskState {
    const { total, required } = this.#log.size;
    const base = this.#log.base?.size ?? 0;
    return {
      now: this.#clock.now(),
      limit: this.limit,
      total: total + this.beside,
      required: required + this.beside,
      base,
      expected: Math.max(Math.ceil(base * GROWTH) + LEAST_GROWTH, this.#outgrown),
      received: this.#received.fetch + this.#received.transfer,
      fetch: this.fetch,
      ahead: Math.max(0, this.#stands - this.#log.written),
      fetchedAt: this.#fetchedAt,
      failures: this.#failures,
      refused: this.#refused,
      rate: Math.max(this.#rate, this.#written),
    };
  }

  /** Bytes on disk that are no part of the log yet. */
  get beside(): number {
    return this.#received.fetch + this.#received.transfer + this.copying;
  }

  /** The most that may be on disk. */
  get most(): number {
    return this.limit - slackOf(this.limit);
  }

  /** The limit that is needed for this many bytes beside the present log. */
  neededBeside(bytes: number): number {
    const { required } = this.state;
    const needed = required + bytes;
    return needed + slackOf(2 * needed);
  }

  /** Counts received bytes of the stream. */
  streamed(bytes: number): void {
    const now = this.#clock.now();
    const time = now - this.#windowSince;
    this.#windowBytes += bytes;
    if (time >= 0 && time < RATE_WINDOW) return;
    this.#rate = time > 0 ? (this.#windowBytes * 1000) / time : 0;
    this.#beginWindow(now);
  }

  /** The stream has waited, which says nothing of its rate. */
  waited(): void {
    this.#beginWindow(this.#clock.now());
  }

  #beginWindow(now: number): void {
    this.#windowSince = now;
    this.#windowBytes = 0;
  }

  /** The primary reported this offset: its distance from the newest base gives the write rate, independent of what was read. */
  saw(offset: number): void {
    const { base } = this.#log;
    if (base === undefined) return;
    const time = this.#clock.now() - base.time;
    this.#written = time > 0 ? Math.max(0, ((offset - base.offset) * 1000) / time) : 0;
  }

  /** A fetch begins. */
  began(): void {
    this.fetch = 'asked';
    this.#fetchedAt = this.#clock.now();
  }

  /** The base in transfer has this offset. */
  announced(offset: number): void {
    this.fetch = 'announced';
    this.#stands = offset;
    this.saw(offset);
  }

  /** A full resync is a part of the log; its offsets are those of another history. */
  transferred(): void {
    this.#release('transfer');
    this.#stands = 0;
  }

  fetched(): void {
    this.#failures = 0;
    this.#refused = false;
    this.#outgrown = 0;
  }

  /** `refused`: the primary sent a snapshot, and it was refused. */
  failed(refused: boolean): void {
    this.#failures++;
    this.#refused = refused;
  }

  /** A file whose bytes count when they are written; `makeRoom` rejects if there is no room. */
  counted(kind: Kind, file: BaseFile, makeRoom: (bytes: number) => Promise<void>): CountedBase {
    this.#release(kind);
    const count = (bytes: number): void => {
      this.#received[kind] += bytes;
    };
    const admit = (bytes: number): undefined | Promise<void> => {
      if (this.state.total + bytes <= this.most) {
        count(bytes);
        return undefined;
      }
      this.#outgrown = Math.ceil((this.#received[kind] + bytes) * OUTGROWN);
      return makeRoom(bytes).then(() => count(bytes));
    };
    return new CountedBase(file, admit, () => this.#release(kind));
  }

  /** The received file became a part of the log, or was removed. */
  #release(kind: Kind): void {
    this.#received[kind] = 0;
  }
}
