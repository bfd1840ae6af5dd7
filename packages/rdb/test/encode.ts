import { bytesOf, concatBytes } from '@forebay/testkit';
import { compressLzf } from './compress-lzf.ts';

/** The forms in which a length can be written, smallest first. */
export type LengthForm = 6 | 14 | 32 | 64;

export function lengthBytes(length: number, form: LengthForm = 32): Uint8Array {
  if (form === 6) return Uint8Array.of(length);
  if (form === 14) return Uint8Array.of(0x40 | (length >> 8), length & 0xff);
  const bytes = new Uint8Array(form === 32 ? 5 : 9);
  bytes[0] = form === 32 ? 0x80 : 0x81;
  const view = new DataView(bytes.buffer);
  if (form === 32) view.setUint32(1, length);
  else view.setBigUint64(1, BigInt(length));
  return bytes;
}

export function rawString(text: string, form: LengthForm = 32): Uint8Array {
  return concatBytes([lengthBytes(text.length, form), bytesOf(text)]);
}

export function integerString(value: number, bits: 8 | 16 | 32): Uint8Array {
  const bytes = new Uint8Array(1 + bits / 8);
  const view = new DataView(bytes.buffer);
  if (bits === 8) view.setInt8(1, value);
  else if (bits === 16) view.setInt16(1, value, true);
  else view.setInt32(1, value, true);
  bytes[0] = { 8: 0xc0, 16: 0xc1, 32: 0xc2 }[bits];
  return bytes;
}

export function lzfString(text: string, form: LengthForm = 32): Uint8Array {
  const compressed = compressLzf(bytesOf(text));
  return lzfParts(compressed, text.length, form);
}

export function lzfParts(compressed: Uint8Array, expanded: number, form: LengthForm = 32) {
  const lengths = [lengthBytes(compressed.length, form), lengthBytes(expanded, form)];
  return concatBytes([Uint8Array.of(0xc3), ...lengths, compressed]);
}

/** A preamble of fields whose strings are encoded already, and the opcode of the end. */
export function preamble(header: string, fields: readonly [Uint8Array, Uint8Array][]): Uint8Array {
  const parts = fields.flatMap(([key, value]) => [Uint8Array.of(0xfa), key, value]);
  return concatBytes([bytesOf(header), ...parts, Uint8Array.of(0xff)]);
}
