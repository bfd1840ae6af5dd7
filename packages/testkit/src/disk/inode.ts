import type { Random } from '../random.ts';
import { GrowableBytes } from './growable-bytes.ts';

/** Bytes that a disk writes whole or not at all. */
const SECTOR = 512;

/** A write, or where there are no bytes, a truncation to `place`. */
interface Change {
  readonly number: number;
  readonly place: number;
  readonly bytes: Uint8Array | undefined;
}

/**
 * A file without its name.
 *
 * Invariant: `durable`, changed as `unsynced` says, is `content` but for what failed syncs dropped.
 */
export class Inode {
  /** What reads see. */
  readonly content: GrowableBytes = new GrowableBytes();
  /** What a power cut leaves at the least. */
  readonly durable: GrowableBytes = new GrowableBytes();
  /** When the content changed last: milliseconds since 1970. */
  modified: number;
  /** Whether that was in this run of the machine. */
  ofThisRun = true;
  /** Names it for good: the path that it was made at. */
  readonly identity: string;
  #unsynced: Change[] = [];
  #changes = 0;

  constructor(now: number, identity: string) {
    this.modified = now;
    this.identity = identity;
  }

  /** How many changes were made so far: the mark up to which a sync that begins now reaches. */
  get changes(): number {
    return this.#changes;
  }

  write(bytes: Uint8Array, place: number, now: number): void {
    this.content.write(bytes, place);
    this.#changed(place, bytes.slice(), now);
  }

  truncate(size: number, now: number): void {
    this.content.resize(size);
    this.#changed(size, undefined, now);
  }

  /** Makes the changes up to a mark durable. */
  sync(mark: number): void {
    for (const change of this.#takeUpTo(mark)) {
      if (change.bytes === undefined) this.durable.resize(change.place);
      else this.durable.write(change.bytes, change.place);
    }
  }

  /**
   * Drops what was written up to a mark: reads see it, but no later sync saves it. A truncation is no
   * page but metadata, and waits for the next sync.
   */
  failSync(mark: number): void {
    const kept = this.#takeUpTo(mark).filter((change) => change.bytes === undefined);
    this.#unsynced = [...kept, ...this.#unsynced];
  }

  /** Leaves what is durable, and of the changes that were not synced, some, whole or in part. */
  cutPower(random: Random): void {
    this.ofThisRun = false;
    const count = this.#unsynced.length;
    // Drawn for the whole file, so that all, none and a beginning of them are no rare cases.
    const reached = random.pick([count, random.integer(0, count)]);
    const kept = random.pick([0, 0.5, 0.9, 1]);
    const torn = random.pick([0, 0.5]);
    for (const { place, bytes } of this.#unsynced.slice(0, reached)) {
      if (random.float() >= kept) continue;
      if (bytes === undefined) this.durable.resize(place);
      else if (random.float() < torn) this.#tear(bytes, place, random);
      else this.durable.write(bytes, place);
    }
    this.#unsynced = [];
    this.content.become(this.durable);
  }

  /** Inverts a bit wherever the byte is held. */
  flip(at: number, bit: number): void {
    this.content.flip(at, bit);
    this.durable.flip(at, bit);
    for (const { place, bytes } of this.#unsynced) {
      if (bytes !== undefined && at >= place && at < place + bytes.length) {
        bytes[at - place]! ^= 1 << bit;
      }
    }
  }

  /** Replaces the whole content, as if it had always been so. */
  become(bytes: Uint8Array, now: number): void {
    this.#unsynced = [];
    this.durable.resize(0);
    this.durable.write(bytes, 0);
    this.content.become(this.durable);
    this.modified = now;
  }

  #changed(place: number, bytes: Uint8Array | undefined, now: number): void {
    this.#changes++;
    this.#unsynced.push({ number: this.#changes, place, bytes });
    this.modified = now;
    this.ofThisRun = true;
  }

  #takeUpTo(mark: number): Change[] {
    const end = this.#unsynced.findIndex((change) => change.number > mark);
    return this.#unsynced.splice(0, end === -1 ? this.#unsynced.length : end);
  }

  #tear(bytes: Uint8Array, place: number, random: Random): void {
    const kind = random.pick(['prefix', 'sectors', 'zeros'] as const);
    if (kind === 'prefix') {
      this.durable.write(bytes.subarray(0, random.integer(0, bytes.length)), place);
      return;
    }
    const end = place + bytes.length;
    // The length is metadata, and may be there without the bytes: those are then zeros.
    if (end > this.durable.length) this.durable.resize(end);
    if (kind === 'zeros') return;
    for (let from = place; from < end; ) {
      const to = Math.min(end, from - (from % SECTOR) + SECTOR);
      if (random.float() < 0.5) this.durable.write(bytes.subarray(from - place, to - place), from);
      from = to;
    }
  }
}
