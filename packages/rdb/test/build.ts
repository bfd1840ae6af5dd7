import { bytesOf, concatBytes } from '@forebay/testkit';
import { Crc64 } from '../src/bytes/crc64.ts';
import { lengthBytes, rawString } from './encode.ts';

/** What an RDB is put together from: bytes, numbers of a byte, and strings with their length. */
export type Part = Uint8Array | number | string;

/** A whole RDB: `header`, then `parts`, the end, and the checksum. */
export function rdb(header: string, ...parts: readonly Part[]): Uint8Array {
  const body = concatBytes([bytesOf(header), ...parts.map(bytesOfPart), Uint8Array.of(0xff)]);
  const crc = new Crc64();
  crc.push(body);
  return concatBytes([body, crc.digest()]);
}

function bytesOfPart(part: Part): Uint8Array {
  if (part instanceof Uint8Array) return part;
  return typeof part === 'number'
    ? Uint8Array.of(part)
    : rawString(part, part.length < 64 ? 6 : 32);
}

/** A length, in the shortest form. */
export function length(value: number): Uint8Array {
  return lengthBytes(value, value < 64 ? 6 : 32);
}

export function i64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

export function f64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}

/** The sixteen bytes of a stream's id. */
export function rawId(ms: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(ms));
  view.setBigUint64(8, BigInt(sequence));
  return bytes;
}

/** A listpack of numbers up to 127 and of short strings. */
export function listpack(...elements: readonly (string | number)[]): Uint8Array {
  const entries = elements.map((element) => {
    if (typeof element === 'number') return listpackInteger(element);
    return concatBytes([
      Uint8Array.of(0x80 | element.length),
      bytesOf(element),
      Uint8Array.of(element.length + 1),
    ]);
  });
  const body = concatBytes(entries);
  const bytes = concatBytes([new Uint8Array(6), body, Uint8Array.of(0xff)]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, elements.length, true);
  return bytes;
}

/** In one byte, or in three after the one that says so. */
function listpackInteger(value: number): Uint8Array {
  if (value < 128) return Uint8Array.of(value, 1);
  return Uint8Array.of(0xf2, value & 0xff, (value >> 8) & 0xff, value >> 16, 4);
}

/** Bytes as a string with its length in front. */
export function blob(bytes: Uint8Array): Uint8Array {
  return concatBytes([lengthBytes(bytes.length), bytes]);
}
