import { RdbError } from './errors.ts';

/** A reference of three bytes stands for at most 264: no input grows by more than this factor. */
const MAX_EXPANSION = 88;

/** Whether so much LZF could grow to `length` bytes: asked before memory is taken for them. */
export function canExpand(input: number, length: number): boolean {
  return length <= input * MAX_EXPANSION;
}

/**
 * Expands LZF data (`lzf_d.c: lzf_decompress`) so that it fills `output`.
 *
 * A control byte below 32 is followed by that many literal bytes and one more. Any other refers to
 * bytes that are already there: its top three bits and perhaps another byte give how many, less two,
 * its low five and one more byte how far back, less one. What is copied may overlap its copy.
 *
 * @param position where `input` begins in the RDB, for errors
 * @throws {RdbError} `CORRUPT`
 */
export function expandLzf(input: Uint8Array, output: Uint8Array, position: number): void {
  const { length } = output;
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const start = position + from;
    const control = input[from++]!;
    if (control < 32) {
      const end = from + control + 1;
      if (end > input.length) throw corrupt(start, 'LZF literals end early');
      if (to + control + 1 > length) throw corrupt(start, `LZF expands beyond ${length} bytes`);
      while (from < end) output[to++] = input[from++]!;
    } else {
      const isLong = control >> 5 === 7;
      if (from + (isLong ? 2 : 1) > input.length)
        throw corrupt(start, 'an LZF reference ends early');
      const count = (control >> 5) + 2 + (isLong ? input[from++]! : 0);
      let back = to - ((control & 31) << 8) - input[from++]! - 1;
      if (back < 0) throw corrupt(start, 'an LZF reference points before the beginning');
      if (to + count > length) throw corrupt(start, `LZF expands beyond ${length} bytes`);
      for (const end = to + count; to < end; ) output[to++] = output[back++]!;
    }
  }
  if (to !== length) {
    throw corrupt(position, `LZF expands to ${to} bytes where ${length} are due`);
  }
}

/**
 * Finds what `expandLzf` would refuse, of input that comes in pieces and without a byte of output: how LZF
 * goes on depends on the input alone.
 */
export class LzfCheck {
  readonly #length: number;
  /** Where the next piece begins in the RDB. */
  #position: number;
  /** Bytes that would be there. */
  #to = 0;
  /** Literals that are still to come. */
  #literals = 0;
  /** A reference of which bytes are still to come: its control byte, its count where that is known. */
  #control = -1;
  #count = -1;

  /** @param position where the input begins in the RDB */
  constructor(length: number, position: number) {
    this.#length = length;
    this.#position = position;
  }

  /** @throws {RdbError} `CORRUPT` */
  push(input: Uint8Array): void {
    let from = 0;
    while (from < input.length) {
      if (this.#literals > 0) {
        const passed = Math.min(this.#literals, input.length - from);
        this.#literals -= passed;
        from += passed;
      } else if (this.#control >= 0) this.#refer(input[from]!, this.#position + from++);
      else this.#begin(input[from]!, this.#position + from++);
    }
    this.#position += input.length;
  }

  /** @throws {RdbError} `CORRUPT` */
  finish(): void {
    if (this.#literals > 0) throw corrupt(this.#position, 'LZF literals end early');
    if (this.#control >= 0) throw corrupt(this.#position, 'an LZF reference ends early');
    if (this.#to !== this.#length) {
      throw corrupt(
        this.#position,
        `LZF expands to ${this.#to} bytes where ${this.#length} are due`,
      );
    }
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
    const back = this.#to - ((this.#control & 31) << 8) - byte - 1;
    if (back < 0) throw corrupt(position, 'an LZF reference points before the beginning');
    this.#control = -1;
    this.#grow(this.#count, position);
  }

  #grow(count: number, position: number): void {
    this.#to += count;
    if (this.#to > this.#length)
      throw corrupt(position, `LZF expands beyond ${this.#length} bytes`);
  }
}

function corrupt(position: number, message: string): RdbError {
  return new RdbError('CORRUPT', position, `${message}, at byte ${position}`);
}
