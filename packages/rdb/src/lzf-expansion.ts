import { RdbError } from './errors.ts';

/** How far back a reference reaches, and how many bytes one stands for, at most. */
const FARTHEST = 8192;
const LONGEST = 264;
/** Bytes up to which a loop copies faster than the runtime. */
const FEW = 32;
/** Bytes that are expanded at once. */
const SIZE = 256 * 1024;

/** Expands LZF data that comes in pieces to pieces, in flat memory: see `expandLzf`. */
export class LzfExpansion {
  readonly #length: number;
  /** Where the next piece of input begins in the RDB. */
  #position: number;
  /** The last bytes of before, which references may be to, and what was expanded after them. */
  #block = new Uint8Array(FARTHEST + SIZE);
  #from = 0;
  #to = 0;
  /** Bytes expanded in all. */
  #total = 0;
  /** Literals that are still to come. */
  #literals = 0;
  /** A reference that has not come whole: its control byte, and its count where that is known; -1. */
  #control = -1;
  #count = -1;

  /** @param position where the input begins in the RDB */
  constructor(length: number, position: number) {
    this.#length = length;
    this.#position = position;
  }

  /** Takes input until `take` is due, and returns how much it took. @throws {RdbError} `CORRUPT` */
  push(input: Uint8Array): number {
    let from = 0;
    while (from < input.length && this.#to + LONGEST <= this.#block.length) {
      if (this.#literals > 0) {
        const count = Math.min(this.#literals, input.length - from);
        this.#block.set(input.subarray(from, from + count), this.#to);
        this.#literals -= count;
        this.#to += count;
        from += count;
      } else if (this.#control >= 0) this.#refer(input[from]!, this.#position + from++);
      else this.#begin(input[from]!, this.#position + from++);
    }
    this.#position += from;
    return from;
  }

  /** What was expanded since the last call: memory that nothing else uses from then on. */
  take(): Uint8Array {
    const taken = this.#block.subarray(this.#from, this.#to);
    const kept = this.#block.subarray(Math.max(0, this.#to - FARTHEST), this.#to);
    this.#block = new Uint8Array(FARTHEST + SIZE);
    this.#block.set(kept);
    this.#from = kept.length;
    this.#to = kept.length;
    return taken;
  }

  /** There is no more input. @throws {RdbError} `CORRUPT` */
  finish(): void {
    if (this.#literals > 0) throw corrupt(this.#position, 'LZF literals end early');
    if (this.#control >= 0) throw corrupt(this.#position, 'an LZF reference ends early');
    if (this.#total === this.#length) return;
    const message = `LZF expands to ${this.#total} bytes where ${this.#length} are due`;
    throw corrupt(this.#position, message);
  }

  #begin(control: number, position: number): void {
    if (control >= 32) {
      this.#control = control;
      this.#count = control >> 5 === 7 ? -1 : (control >> 5) + 2;
      return;
    }
    this.#literals = control + 1;
    this.#grow(control + 1, position);
  }

  #refer(byte: number, position: number): void {
    if (this.#count < 0) {
      this.#count = 9 + byte;
      return;
    }
    const distance = ((this.#control & 31) << 8) + byte + 1;
    if (distance > this.#total) {
      throw corrupt(position, 'an LZF reference points before the beginning');
    }
    this.#control = -1;
    this.#grow(this.#count, position);
    const block = this.#block;
    const [from, to, end] = [this.#to - distance, this.#to, this.#to + this.#count];
    if (distance === 1) block.fill(block[from]!, to, end);
    // What is copied may overlap its copy; of few bytes a loop is faster.
    else if (distance >= this.#count && this.#count > FEW)
      block.copyWithin(to, from, from + this.#count);
    else for (let i = 0; to + i < end; i++) block[to + i] = block[from + i]!;
    this.#to = end;
  }

  #grow(count: number, position: number): void {
    this.#total += count;
    if (this.#total > this.#length) {
      throw corrupt(position, `LZF expands beyond ${this.#length} bytes`);
    }
  }
}

function corrupt(position: number, message: string): RdbError {
  return new RdbError('CORRUPT', position, `${message}, at byte ${position}`);
}
