import type { LzfOutput } from './lzf-tokens.ts';
import { LzfTokens } from './lzf-tokens.ts';

/** How far back a reference reaches, and how many bytes one stands for, at most. */
const FARTHEST = 8192;
const LONGEST = 264;
/** Bytes up to which a loop copies faster than the runtime. */
const FEW = 32;
/** Bytes that are expanded at once. */
const SIZE = 256 * 1024;

/** Expands LZF data that comes in pieces to pieces, in flat memory: see `expandLzf`. */
export class LzfExpansion implements LzfOutput {
  readonly #tokens: LzfTokens;
  /** The last bytes of before, which references may be to, and what was expanded after them. */
  #block = new Uint8Array(FARTHEST + SIZE);
  #from = 0;
  #to = 0;

  /**
   * @param length bytes that the input is to expand to
   * @param position where the input begins in the RDB
   */
  constructor(length: number, position: number) {
    this.#tokens = new LzfTokens(length, position, this);
  }

  /** Takes input until `take` is due, and returns how much it took. @throws {RdbError} `CORRUPT` */
  push(input: Uint8Array): number {
    return this.#tokens.push(input);
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
    this.#tokens.finish();
  }

  get hasRoom(): boolean {
    return this.#to + LONGEST <= this.#block.length;
  }

  literals(bytes: Uint8Array): void {
    this.#block.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  reference(distance: number, count: number): void {
    const block = this.#block;
    const [from, to, end] = [this.#to - distance, this.#to, this.#to + count];
    if (distance === 1) block.fill(block[from]!, to, end);
    // What is copied may overlap its copy; of few bytes a loop is faster.
    else if (distance >= count && count > FEW) block.copyWithin(to, from, from + count);
    else for (let i = 0; to + i < end; i++) block[to + i] = block[from + i]!;
    this.#to = end;
  }
}
