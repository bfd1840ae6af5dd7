import type { Clock } from '@forebay/clock';
import type { Log } from '@forebay/log';
import type { BaseFile } from '../../follow-log/follow.ts';
import { CountedBase } from './counted-base.ts';
import type { DiskState } from './disk-policy.ts';
import { slackOf } from './disk-policy.ts';

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
  #fetch: DiskState['fetch'] = 'none';
  /** Bytes of files that are made of others, before those are cut. */
  #copying = 0;
  /** Size of the last full resync that started, as far as it is known; 0 once it is a part of the log. */
  #transferSize = 0;
  readonly #received: Record<Kind, number> = { fetch: 0, transfer: 0 };
  /** By `Clock.elapsed`. */
  #fetchedAt: number | undefined;
  #failures = 0;
  #refused = false;
  /** The last offset that the primary reported; the next base will not be before it. 0: none. */
  #reported = 0;
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
    this.#windowSince = clock.elapsed();
  }

  get state(): DiskState {
    const { required } = this.#log.size;
    const base = this.#log.base?.size ?? 0;
    return {
      now: this.#clock.elapsed(),
      baseAge: this.#baseAge,
      limit: this.limit,
      total: this.total,
      required: required + this.beside,
      base,
      expected: Math.max(Math.ceil(base * GROWTH) + LEAST_GROWTH, this.#outgrown),
      received: this.#received.fetch + this.#received.transfer,
      fetch: this.#fetch,
      ahead: Math.max(0, this.#reported - this.#log.written),
      fetchedAt: this.#fetchedAt,
      failures: this.#failures,
      refused: this.#refused,
      rate: Math.max(this.#rate, this.#written),
    };
  }

  /** Bytes on disk, of the log and beside it. */
  get total(): number {
    return this.#log.size.total + this.beside;
  }

  /** Bytes on disk that are no part of the log yet. */
  get beside(): number {
    return this.#received.fetch + this.#received.transfer + this.#copying;
  }

  /** The most that may be on disk. */
  get most(): number {
    return this.limit - slackOf(this.limit);
  }

  /** The limit that is needed for this many bytes beside the present log. */
  neededBeside(bytes: number): number {
    const needed = this.#log.size.required + this.beside + bytes;
    return needed + slackOf(2 * needed);
  }

  /** Counts received bytes of the stream. */
  streamed(bytes: number): void {
    const now = this.#clock.elapsed();
    const time = now - this.#windowSince;
    this.#windowBytes += bytes;
    if (time < RATE_WINDOW) return;
    this.#rate = (this.#windowBytes * 1000) / time;
    this.#beginWindow(now);
  }

  /** The stream has waited, which says nothing of its rate. */
  waited(): void {
    this.#beginWindow(this.#clock.elapsed());
  }

  #beginWindow(now: number): void {
    this.#windowSince = now;
    this.#windowBytes = 0;
  }

  /** Size of the full resync in progress, as far as it is known; 0: none, or it is a part of the log. */
  get transferSize(): number {
    return this.#transferSize;
  }

  /**
   * The primary reported this offset, or none: the next base will not be before it, and its distance from the newest
   * base gives the write rate, however much of the stream was received.
   */
  saw(offset: number | undefined): void {
    this.#reported = offset ?? 0;
    const { base } = this.#log;
    const age = this.#baseAge;
    if (offset === undefined || base === undefined || age === undefined) return;
    this.#written = age > 0 ? Math.max(0, ((offset - base.offset) * 1000) / age) : 0;
  }

  /** By the wall clock, since the date of a base is read from the manifest. */
  get #baseAge(): number | undefined {
    const { base } = this.#log;
    return base && this.#clock.now() - base.time;
  }

  /** A fetch begins. */
  began(): void {
    this.#fetch = 'asked';
    this.#fetchedAt = this.#clock.elapsed();
  }

  /** The base in transfer has this offset. */
  announced(offset: number): void {
    this.#fetch = 'announced';
    this.saw(offset);
  }

  /** The stream has reached the offset of the base. */
  placed(): void {
    this.#fetch = 'placed';
  }

  /** This many bytes are being copied from one file of the log to another; later they are cut from the first file. */
  copying(bytes: number): void {
    this.#copying = bytes;
  }

  /** The fetch has ended, with or without a base. */
  ended(): void {
    this.#fetch = 'none';
    this.#copying = 0;
  }

  /** A full resync starts. */
  transferring(length: number | undefined): void {
    this.#transferSize = length ?? 0;
  }

  /** A full resync is a part of the log; its offsets are those of another history. */
  transferred(): void {
    this.#release('transfer');
    this.#transferSize = 0;
    this.#reported = 0;
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
      const size = this.#received[kind] + bytes;
      if (kind === 'transfer') this.#transferSize = Math.max(this.#transferSize, size);
      if (this.total + bytes <= this.most) {
        count(bytes);
        return undefined;
      }
      this.#outgrown = Math.ceil(size * OUTGROWN);
      return makeRoom(bytes).then(() => count(bytes));
    };
    return new CountedBase(file, admit, () => this.#release(kind));
  }

  /** The received file became a part of the log, or was removed. */
  #release(kind: Kind): void {
    this.#received[kind] = 0;
  }
}
