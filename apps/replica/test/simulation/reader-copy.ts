import type { LogItem } from '@forebay/log';
import type { Position } from '@forebay/psync';
import { concatBytes } from '@forebay/testkit';
import type { Stream } from './stream.ts';

/** All that a reader has read since its last reset: it is to be a part of one history, always. */
export class ReaderCopy {
  #place: Position;
  #start: number;
  #bytes: Uint8Array;

  /** `kept`: what it had read when it kept a place, this one or a later one. */
  constructor(place: Position, kept?: ReaderCopy) {
    const known = kept !== undefined && kept.#start <= place.offset;
    this.#place = place;
    this.#start = known ? kept.#start : place.offset;
    this.#bytes = known ? kept.#bytes.slice(0, place.offset - kept.#start) : new Uint8Array(0);
  }

  get place(): Position {
    return this.#place;
  }

  get start(): number {
    return this.#start;
  }

  clone(): ReaderCopy {
    return new ReaderCopy(this.#place, this);
  }

  take(item: LogItem): void {
    if (item.type === 'stream') {
      this.#bytes = concatBytes([this.#bytes, item.bytes]);
      this.#place = { id: item.id, offset: item.offset };
      return;
    }
    this.#place = item.to;
    if (item.type === 'reset' || item.to.offset < this.#start) {
      this.#start = item.to.offset;
      this.#bytes = new Uint8Array(0);
    } else this.#bytes = this.#bytes.slice(0, item.to.offset - this.#start);
  }

  /** Whether what comes after `from` is what was written. */
  equals(stream: Stream, from: number): boolean {
    const written = stream.slice(from, this.#place.offset);
    return Buffer.compare(written, this.#bytes.subarray(from - this.#start)) === 0;
  }
}
