import { bytesOf, concatBytes } from '@forebay/testkit';
import { Crc64 } from '../src/bytes/crc64.ts';
import { Output } from '../src/writing/output.ts';
import { ListpackBuilder } from '../src/writing/pack-builders.ts';
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

const PLAIN = { compress: false, longLengths: true, limit: Number.POSITIVE_INFINITY };

/** A listpack of numbers and strings. */
export function listpack(...elements: readonly (string | number)[]): Uint8Array {
  const builder = new ListpackBuilder(PLAIN);
  for (const element of elements) {
    if (typeof element === 'number') builder.integer(element);
    else builder.string(bytesOf(element));
  }
  const [whole, memory] = [new Output(PLAIN), new Output(PLAIN)];
  builder.flush(whole, memory);
  return memory.take();
}

/** Bytes as a string with its length in front. */
export function blob(bytes: Uint8Array): Uint8Array {
  return concatBytes([lengthBytes(bytes.length), bytes]);
}
