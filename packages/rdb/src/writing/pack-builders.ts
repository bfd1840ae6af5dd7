import { integerOf } from './integer.ts';
import { Output, type OutputOptions } from './output.ts';

/** Says that there are more entries than two bytes can tell. */
const MANY = 65_535;
const END = 255;

/** Writes strings and integers one after another into one string. */
abstract class PackBuilder {
  /** The entries. */
  protected readonly output: Output;
  #count = 0;

  constructor(options: OutputOptions) {
    this.output = new Output(options, 1024);
  }

  /** How many entries there are. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the entries. */
  get length(): number {
    return this.output.length;
  }

  clear(): void {
    this.output.clear();
    this.#count = 0;
  }

  /** As an integer where it is one of up to 15 digits: longer ones are as well read from their digits. */
  string(bytes: Uint8Array): void {
    const integer = bytes.length <= 16 ? integerOf(bytes) : undefined;
    if (integer !== undefined) {
      this.integer(integer);
      return;
    }
    const start = this.output.length;
    this.begin();
    this.writeLength(bytes.length);
    this.output.append(bytes);
    this.end(start);
    this.#count++;
  }

  /** Of 64 bits with a sign. */
  integer(value: number | bigint): void {
    const start = this.output.length;
    this.begin();
    this.writeInteger(value);
    this.end(start);
    this.#count++;
  }

  /** Appends the entries of another builder of the same kind. */
  append(other: this): void {
    this.output.append(other.output.bytes);
    this.#count += other.count;
  }

  /** Writes it into `output` as one string, by way of `memory`, and clears it. */
  flush(output: Output, memory: Output): void {
    memory.clear();
    this.writeHead(memory);
    memory.u16(Math.min(this.#count, MANY));
    memory.append(this.output.bytes);
    memory.u8(END);
    output.string(memory.bytes);
    this.clear();
  }

  /** Writes the header before the number of entries. */
  protected abstract writeHead(memory: Output): void;

  /** Begins an entry. */
  protected abstract begin(): void;

  /** Writes the length before a string. */
  protected abstract writeLength(length: number): void;

  protected abstract writeInteger(value: number | bigint): void;

  /** Ends the entry that began at `start` of the output. */
  protected abstract end(start: number): void;
}

/** Writes listpacks (`listpack.c: lpInsert`); `Listpack` reads them. */
export class ListpackBuilder extends PackBuilder {
  protected override writeHead(memory: Output): void {
    memory.u32(LISTPACK_HEADER + this.length + 1);
  }

  protected override begin(): void {}

  protected override writeLength(length: number): void {
    const out = this.output;
    if (length < 64) out.u8(0x80 | length);
    else if (length < 4096) {
      out.u8(0xe0 | (length >> 8));
      out.u8(length);
    } else {
      out.u8(0xf0);
      out.u32(length);
    }
  }

  protected override writeInteger(value: number | bigint): void {
    const out = this.output;
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
  }

  /** The length of an entry follows it, for readers that start at the end: seven bits per byte, the lowest bits last. */
  protected override end(start: number): void {
    const out = this.output;
    const length = out.length - start;
    const groups = groupsOf(length);
    for (let group = groups; group > 0; group--) {
      const bits = Math.floor(length / 128 ** (group - 1)) & 127;
      out.u8(group === groups ? bits : bits | 128);
    }
  }
}

/** Total bytes, and how many entries there are. */
const LISTPACK_HEADER = 6;

/** Bytes of such a length (`listpack.c: lpEncodeBacklen`, whose bounds are one too low, and so are these). */
function groupsOf(length: number): number {
  if (length <= 127) return 1;
  if (length < 16_383) return 2;
  if (length < 2_097_151) return 3;
  return length < 268_435_455 ? 4 : 5;
}

/** Writes ziplists (`ziplist.c: ziplistInsert`); `Ziplist` reads them. */
export class ZiplistBuilder extends PackBuilder {
  /** Bytes of the last entry, and where it begins. */
  #previous = 0;
  #tail = 0;

  override clear(): void {
    super.clear();
    this.#previous = 0;
    this.#tail = 0;
  }

  protected override writeHead(memory: Output): void {
    memory.u32(ZIPLIST_HEADER + this.length + 1);
    memory.u32(ZIPLIST_HEADER + this.#tail);
  }

  protected override begin(): void {
    const out = this.output;
    if (this.#previous < LONG_PREVIOUS) out.u8(this.#previous);
    else {
      out.u8(LONG_PREVIOUS);
      out.u32(this.#previous);
    }
  }

  /** A length of 6 bits, 14 bits or 4 bytes, in big-endian order. */
  protected override writeLength(length: number): void {
    const out = this.output;
    if (length < 64) out.u8(length);
    else if (length < 16_384) {
      out.u8(0x40 | (length >> 8));
      out.u8(length);
    } else {
      out.u8(0x80);
      for (const shift of [24, 16, 8, 0]) out.u8(length >>> shift);
    }
  }

  protected override writeInteger(value: number | bigint): void {
    const out = this.output;
    const number = Number(value);
    const fits = (bits: number): boolean =>
      number >= -(2 ** (bits - 1)) && number < 2 ** (bits - 1);
    if (number >= 0 && number <= 12) out.u8(0xf1 + number);
    else if (fits(8)) {
      out.u8(0xfe);
      out.u8(number);
    } else if (fits(16)) {
      out.u8(0xc0);
      out.u16(number);
    } else if (fits(24)) {
      out.u8(0xf0);
      out.u24(number);
    } else if (fits(32)) {
      out.u8(0xd0);
      out.u32(number);
    } else {
      out.u8(0xe0);
      out.i64(value);
    }
  }

  protected override end(start: number): void {
    this.#tail = start;
    this.#previous = this.output.length - start;
  }
}

/** Total bytes, where the last entry is, and how many there are. */
const ZIPLIST_HEADER = 10;
/** From this length on that of the entry before takes five bytes, the first of which is this. */
const LONG_PREVIOUS = 254;
