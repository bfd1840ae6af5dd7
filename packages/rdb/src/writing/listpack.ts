import { integerOf } from './integer.ts';
import { Output, type OutputOptions } from './output.ts';

/** Total bytes, and how many entries there are. */
const HEADER = 6;
/** Says that there are more entries than two bytes can tell. */
const MANY = 65_535;
const END = 255;

/** Puts strings and integers side by side in one string (`listpack.c: lpInsert`): what `Listpack` reads. */
export class ListpackBuilder {
  readonly #output: Output;
  #count = 0;

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

  /** Its entries, without what stands around them, as a view. */
  get entries(): Uint8Array {
    return this.#output.bytes;
  }

  clear(): void {
    this.#output.clear();
    this.#count = 0;
  }

  /** As an integer where it is one of up to 15 digits: longer ones are as well read from their digits. */
  string(bytes: Uint8Array): void {
    const integer = bytes.length <= 16 ? integerOf(bytes) : undefined;
    if (integer !== undefined) {
      this.integer(integer);
      return;
    }
    const out = this.#output;
    const start = out.length;
    if (bytes.length < 64) out.u8(0x80 | bytes.length);
    else if (bytes.length < 4096) {
      out.u8(0xe0 | (bytes.length >> 8));
      out.u8(bytes.length);
    } else {
      out.u8(0xf0);
      out.u32(bytes.length);
    }
    out.append(bytes);
    this.#finish(out.length - start);
  }

  /** Of 64 bits with a sign. */
  integer(value: number | bigint): void {
    const out = this.#output;
    const start = out.length;
    const number = Number(value);
    if (number >= 0 && number <= 127) out.u8(number);
    else if (number >= -4096 && number <= 4095) {
      out.u8(0xc0 | ((number >> 8) & 0x1f));
      out.u8(number);
    } else if (number >= -32_768 && number <= 32_767) {
      out.u8(0xf1);
      out.u16(number);
    } else if (number >= -8_388_608 && number <= 8_388_607) {
      out.u8(0xf2);
      out.u24(number);
    } else if (number >= -2_147_483_648 && number <= 2_147_483_647) {
      out.u8(0xf3);
      out.u32(number);
    } else {
      out.u8(0xf4);
      out.i64(value);
    }
    this.#finish(out.length - start);
  }

  /** Entries of another one, behind its own. */
  append(other: ListpackBuilder): void {
    this.#output.append(other.entries);
    this.#count += other.#count;
  }

  /** Writes it into `output` as one string, by way of `memory`, and clears it. */
  flush(output: Output, memory: Output): void {
    memory.clear();
    memory.u32(HEADER + this.length + 1);
    memory.u16(Math.min(this.#count, MANY));
    memory.append(this.entries);
    memory.u8(END);
    output.string(memory.bytes);
    this.clear();
  }

  /** Behind an entry stands its length, for who comes from the end: seven bits a byte, the lowest last. */
  #finish(length: number): void {
    const out = this.#output;
    for (let groups = groupsOf(length); groups > 0; groups--) {
      const bits = Math.floor(length / 128 ** (groups - 1)) & 127;
      out.u8(groups === groupsOf(length) ? bits : bits | 128);
    }
    this.#count++;
  }
}

/** Bytes of such a length (`listpack.c: lpEncodeBacklen`, whose bounds are one too low, and so are these). */
function groupsOf(length: number): number {
  if (length <= 127) return 1;
  if (length < 16_383) return 2;
  if (length < 2_097_151) return 3;
  return length < 268_435_455 ? 4 : 5;
}
