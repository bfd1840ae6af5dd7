import { RespError } from './errors.ts';

const FIRST_ENTRIES = 64;
/** Memory that is kept for the next command, in entries. */
const KEPT_ENTRIES = 16_384;
const LARGEST_INT32 = 2_147_483_647;

/**
 * Where each argument of a command is. It grows by doubling as arguments arrive, never by the count
 * that a command announces. Arguments past the first `most` are not noted.
 */
export class ArgumentTable {
  /** Pairs of start and end; start is -1 for an argument of which only the length is known. */
  ranges: Int32Array = new Int32Array(2 * FIRST_ENTRIES);
  readonly #most: number;
  #size = 0;
  /** Lengths that do not fit into 32 bits, by argument. */
  readonly #longLengths = new Map<number, number>();

  constructor(most: number) {
    this.#most = most;
  }

  clear(): void {
    this.#size = 0;
    if (this.#longLengths.size > 0) this.#longLengths.clear();
    if (this.ranges.length > 2 * KEPT_ENTRIES) this.ranges = new Int32Array(2 * FIRST_ENTRIES);
  }

  /** Notes the next argument, of which the bytes are held. */
  add(start: number, length: number): void {
    this.#put(start, start + length);
  }

  /** Notes the next argument, of which the bytes are not held. */
  addLengthOnly(length: number): void {
    if (length > LARGEST_INT32 && this.#size < this.#most)
      this.#longLengths.set(this.#size, length);
    this.#put(-1, length > LARGEST_INT32 ? -1 : length);
  }

  /** The length of argument `i`, which is one without bytes. */
  lengthOnly(i: number): number {
    return this.#longLengths.get(i) ?? this.ranges[2 * i + 1]!;
  }

  #put(start: number, end: number): void {
    if (this.#size === this.#most) return;
    const at = 2 * this.#size;
    if (at === this.ranges.length) this.#grow();
    this.ranges[at] = start;
    this.ranges[at + 1] = end;
    this.#size++;
  }

  #grow(): void {
    let grown: Int32Array;
    try {
      grown = new Int32Array(2 * this.ranges.length);
    } catch {
      throw new RespError('COMMAND_TOO_LARGE', `more than ${this.#size} arguments cannot be noted`);
    }
    grown.set(this.ranges);
    this.ranges = grown;
  }
}
