import { encodeCommand } from '@forebay/resp';
import type { Random } from '@forebay/testkit';

/** An offset after a whole command or transaction, and the database that is selected there. */
export interface Cut {
  readonly offset: number;
  readonly database: number;
}

/** A stream as a server writes it: all of its bytes, and where it may be cut. */
export class Stream {
  readonly start: number;
  #bytes: Uint8Array;
  #length = 0;
  readonly cuts: Cut[];

  constructor(start: number, database = 0) {
    this.start = start;
    this.#bytes = new Uint8Array(1024);
    this.cuts = [{ offset: start, database }];
  }

  /** A copy, which continues independently. */
  clone(): Stream {
    const clone = new Stream(this.start);
    clone.cuts.length = 0;
    clone.cuts.push(...this.cuts);
    clone.#append(this.slice(this.start, this.end));
    return clone;
  }

  /** Offset of its last byte. */
  get end(): number {
    return this.start + this.#length;
  }

  get database(): number {
    return this.cuts.at(-1)?.database ?? 0;
  }

  /** The bytes after `from` up to `to`. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.slice(from - this.start, Math.min(to, this.end) - this.start);
  }

  /** The last boundary up to `offset`. */
  cutUpTo(offset: number): Cut | undefined {
    return this.cuts.findLast((cut) => cut.offset <= offset);
  }

  /**
   * Appends one write of a client, random, with values of up to `size` bytes. `select`: whether the write
   * must begin with SELECT.
   */
  write(random: Random, select: boolean, size: number): void {
    const database = select || random.integer(0, 9) === 0 ? random.integer(0, 3) : this.database;
    if (select || database !== this.database) {
      this.#append(encodeCommand(['SELECT', `${database}`]));
      this.#mayCut(database);
    }
    const set = (): Uint8Array =>
      encodeCommand(['SET', `k${random.integer(0, 99)}`, drawValue(random, size)]);
    const draw = random.integer(0, 19);
    if (draw < 2) {
      for (const part of [encodeCommand(['MULTI']), set(), set(), encodeCommand(['EXEC'])]) {
        this.#append(part);
      }
    } else this.#append(draw === 2 ? encodeCommand(['PING']) : set());
    this.#mayCut(database);
  }

  /** Takes over what another has from here on, up to a place where it may be cut. */
  copyFrom(other: Stream, to: number): void {
    const from = this.end;
    this.#append(other.slice(from, to));
    this.cuts.push(...other.cuts.filter(({ offset }) => offset > from && offset <= to));
  }

  #mayCut(database: number): void {
    this.cuts.push({ offset: this.end, database });
  }

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** Random bytes; a long value repeats a short one, to save time. */
function drawValue(random: Random, size: number): Uint8Array {
  const length = random.integer(0, size);
  const drawn = random.bytes(Math.min(length, 64));
  if (drawn.length === length) return drawn;
  const value = new Uint8Array(length);
  for (let at = 0; at < length; at += drawn.length) {
    value.set(drawn.subarray(0, Math.min(drawn.length, length - at)), at);
  }
  return value;
}
