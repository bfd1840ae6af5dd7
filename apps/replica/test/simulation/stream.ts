import { encodeCommand } from '@forebay/resp';
import type { Random } from '@forebay/testkit';

/** A stream as a server writes it: all of its bytes, and where it may be cut. */
export class Stream {
  readonly start: number;
  #bytes: Uint8Array;
  #length = 0;
  /** Offsets after whole commands and transactions, with the database selected there. */
  readonly cuts: { readonly offset: number; readonly database: number }[];

  constructor(start: number, database = 0) {
    this.start = start;
    this.#bytes = new Uint8Array(1024);
    this.cuts = [{ offset: start, database }];
  }

  /** The same up to now, to go on by itself. */
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

  /** Something that clients did, random; `select` where the first write has to say the database. */
  write(random: Random, select: boolean): void {
    const database = select || random.integer(0, 9) === 0 ? random.integer(0, 3) : this.database;
    const parts: Uint8Array[] = [];
    if (select || database !== this.database) parts.push(encodeCommand(['SELECT', `${database}`]));
    const set = (): Uint8Array =>
      encodeCommand(['SET', `k${random.integer(0, 99)}`, random.bytes(random.integer(0, 60))]);
    if (random.integer(0, 9) === 0) {
      parts.push(encodeCommand(['MULTI']), set(), set(), encodeCommand(['EXEC']));
    } else parts.push(set());
    for (const part of parts) this.#append(part);
    this.cuts.push({ offset: this.end, database });
  }

  ping(): void {
    this.#append(encodeCommand(['PING']));
    this.cuts.push({ offset: this.end, database: this.database });
  }

  /** Takes over what another has from here on, up to a place where it may be cut. */
  copyFrom(other: Stream, to: number): void {
    const from = this.end;
    this.#append(other.slice(from, to));
    this.cuts.push(...other.cuts.filter(({ offset }) => offset > from && offset <= to));
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
