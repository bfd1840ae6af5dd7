import { integerOf } from './integer.ts';
import { Output, type OutputOptions } from './output.ts';

/** Total bytes, where the last entry is, and how many there are. */
const HEADER = 10;
/** Says that there are more entries than two bytes can tell. */
const MANY = 65_535;
const END = 255;
/** From this length on that of the entry before takes five bytes, the first of which is this. */
const LONG_PREVIOUS = 254;

/** Puts strings side by side in one string (`ziplist.c: ziplistInsert`): what `Ziplist` reads. */
export class ZiplistBuilder {
  readonly #output: Output;
  #count = 0;
  #previous = 0;
  /** Where the last entry begins. */
  #tail = 0;

  constructor(options: OutputOptions) {
    this.#output = new Output(options, 1024);
  }

  /** How many entries there are. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the entries. */
  get length(): number {
    return this.#output.length;
  }

  clear(): void {
    this.#output.clear();
    this.#count = 0;
    this.#previous = 0;
    this.#tail = 0;
  }

  /** As an integer where it is one of up to 15 digits: longer ones are as well read from their digits. */
  string(bytes: Uint8Array): void {
    const out = this.#output;
    const start = out.length;
    if (this.#previous < LONG_PREVIOUS) out.u8(this.#previous);
    else {
      out.u8(LONG_PREVIOUS);
      out.u32(this.#previous);
    }
    const integer = bytes.length <= 16 ? integerOf(bytes) : undefined;
    if (integer === undefined) this.#text(bytes);
    else this.#integer(integer);
    this.#tail = start;
    this.#previous = out.length - start;
    this.#count++;
  }

  /** Writes it into `output` as one string, by way of `memory`, and clears it. */
  flush(output: Output, memory: Output): void {
    memory.clear();
    memory.u32(HEADER + this.length + 1);
    memory.u32(HEADER + this.#tail);
    memory.u16(Math.min(this.#count, MANY));
    memory.append(this.#output.bytes);
    memory.u8(END);
    output.string(memory.bytes);
    this.clear();
  }

  /** Six bits of length, or fourteen, or four bytes; of more than one byte the first is the highest. */
  #text(bytes: Uint8Array): void {
    const out = this.#output;
    const { length } = bytes;
    if (length < 64) out.u8(length);
    else if (length < 16_384) {
      out.u8(0x40 | (length >> 8));
      out.u8(length);
    } else {
      out.u8(0x80);
      for (const shift of [24, 16, 8, 0]) out.u8(length >>> shift);
    }
    out.append(bytes);
  }

  #integer(value: number): void {
    const out = this.#output;
    const fits = (bits: number): boolean => value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1);
    if (value >= 0 && value <= 12) out.u8(0xf1 + value);
    else if (fits(8)) {
      out.u8(0xfe);
      out.u8(value);
    } else if (fits(16)) {
      out.u8(0xc0);
      out.u16(value);
    } else if (fits(24)) {
      out.u8(0xf0);
      out.u24(value);
    } else if (fits(32)) {
      out.u8(0xd0);
      out.u32(value);
    } else {
      out.u8(0xe0);
      out.i64(value);
    }
  }
}
