import { RdbError } from '../format/errors.ts';

/** Takes what LZF input stands for. */
export interface LzfOutput {
  /** Whether it takes one more token: 264 bytes at most. */
  readonly hasRoom: boolean;
  literals(bytes: Uint8Array): void;
  /** `count` bytes from `distance` bytes before; the copy may overlap what it is copied from. */
  reference(distance: number, count: number): void;
}

/**
 * Follows LZF input that comes in pieces, token by token, and refuses what `expandLzf` refuses. Without an output
 * it only checks: how LZF goes on depends on the input alone.
 */
export class LzfTokens {
  readonly #length: number;
  readonly #output: LzfOutput | undefined;
  /** Where the next piece of input begins in the RDB. */
  #position: number;
  /** Bytes expanded in all. */
  #total = 0;
  /** Literals that are still to come. */
  #literals = 0;
  /** A reference that is not whole yet: its control byte, and its count where that is known; -1. */
  #control = -1;
  #count = -1;

  /**
   * @param length bytes that the input is to expand to
   * @param position where the input begins in the RDB
   */
  constructor(length: number, position: number, output?: LzfOutput) {
    this.#length = length;
    this.#position = position;
    this.#output = output;
  }

  /** Takes input while the output has room, and returns how much it took. @throws {RdbError} `CORRUPT` */
  push(input: Uint8Array): number {
    const output = this.#output;
    let from = 0;
    while (from < input.length && (output === undefined || output.hasRoom)) {
      if (this.#literals > 0) {
        const count = Math.min(this.#literals, input.length - from);
        output?.literals(input.subarray(from, from + count));
        this.#literals -= count;
        from += count;
      } else if (this.#control >= 0) this.#refer(input[from]!, this.#position + from++);
      else this.#begin(input[from]!, this.#position + from++);
    }
    this.#position += from;
    return from;
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
    this.#output?.reference(distance, this.#count);
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
