import type { LogItem } from '@forebay/log';
import type { Position } from '@forebay/psync';
import { concatBytes } from '@forebay/testkit';
import type { Truth } from './truth.ts';

/** All bytes that a consumer has read since its last reset. They must always be a part of one history. */
export class StreamCopy {
  #position: Position;
  #start: number;
  #bytes: Uint8Array;

  /** `kept`: a copy that reaches this position or a later one. */
  constructor(position: Position, kept?: StreamCopy) {
    const known = kept !== undefined && kept.#start <= position.offset;
    this.#position = position;
    this.#start = known ? kept.#start : position.offset;
    this.#bytes = known ? kept.#bytes.slice(0, position.offset - kept.#start) : new Uint8Array(0);
  }

  get position(): Position {
    return this.#position;
  }

  clone(): StreamCopy {
    return new StreamCopy(this.#position, this);
  }

  take(item: LogItem): void {
    if (item.type === 'stream') this.append(item.id, item.bytes);
    else this.moveTo(item.to, item.type === 'reset');
  }

  append(id: string, bytes: Uint8Array): void {
    this.#bytes = concatBytes([this.#bytes, bytes]);
    this.#position = { id, offset: this.#position.offset + bytes.length };
  }

  /** Drops the bytes after a position; `anew`: drops all bytes. */
  moveTo(to: Position, anew: boolean): void {
    this.#position = to;
    if (anew || to.offset < this.#start) {
      this.#start = to.offset;
      this.#bytes = new Uint8Array(0);
    } else this.#bytes = this.#bytes.slice(0, to.offset - this.#start);
  }

  /** What is wrong with the bytes after `from`, or with all bytes; undefined: nothing. */
  faultIn(truth: Truth, from: number = this.#start): string | undefined {
    const since = Math.max(from, this.#start);
    return truth.faultIn(this.#position.id, since, this.#bytes.subarray(since - this.#start));
  }
}
