import { RdbError } from './errors.ts';
import { expandLzf } from './lzf.ts';
import type { Window } from './window.ts';

/** A string found in a window: its content, and where it ends there. */
export interface StringAt {
  readonly bytes: Uint8Array;
  readonly end: number;
}

/** A length as the format writes it, or the special encoding that is in its place. */
interface LengthAt {
  readonly value: number;
  readonly isEncoding: boolean;
  readonly end: number;
}

const ENCODING_INT8 = 0;
const ENCODING_INT16 = 1;
const ENCODING_INT32 = 2;
const ENCODING_LZF = 3;

/**
 * Reads the string at index `at` of `window`, in any of its encodings (`rdb.c:
 * rdbGenericLoadStringObject`): of a length, an integer, LZF. Lengths are held against `maxLength`
 * before a byte of what they announce is awaited.
 *
 * @returns undefined if the window ends before the string
 * @throws {RdbError} `CORRUPT`, `AUX_TOO_LONG`
 */
export function stringAt(window: Window, at: number, maxLength: number): StringAt | undefined {
  const length = lengthAt(window, at);
  if (length === undefined) return undefined;
  if (!length.isEncoding) {
    checkLength(length.value, maxLength, window.position + at);
    return rawAt(window, length.end, length.value);
  }
  switch (length.value) {
    case ENCODING_INT8:
      return integerAt(window, length.end, 1);
    case ENCODING_INT16:
      return integerAt(window, length.end, 2);
    case ENCODING_INT32:
      return integerAt(window, length.end, 4);
    case ENCODING_LZF:
      return lzfAt(window, length.end, maxLength);
    default:
      throw corrupt(window.position + at, `an unknown string encoding ${length.value}`);
  }
}

/**
 * Two bits say how it goes on: six more, fourteen more, a number of 32 or 64 bits, an encoding
 * (`rdb.c: rdbLoadLenByRef`). A length beyond 2^53 comes out inexact, and beyond any limit.
 */
function lengthAt(window: Window, at: number): LengthAt | undefined {
  if (window.length <= at) return undefined;
  const first = window.at(at);
  const low = first & 0x3f;
  if (first >> 6 === 0) return { value: low, isEncoding: false, end: at + 1 };
  if (first >> 6 === 3) return { value: low, isEncoding: true, end: at + 1 };
  if (first >> 6 === 1) return bigEndianAt(window, at + 1, 1, low);
  if (first === 0x80) return bigEndianAt(window, at + 1, 4, 0);
  if (first === 0x81) return bigEndianAt(window, at + 1, 8, 0);
  throw corrupt(window.position + at, `an unknown length encoding ${first}`);
}

function bigEndianAt(window: Window, at: number, size: number, high: number): LengthAt | undefined {
  if (window.length < at + size) return undefined;
  let value = high;
  for (let i = 0; i < size; i++) value = value * 256 + window.at(at + i);
  return { value, isEncoding: false, end: at + size };
}

function rawAt(window: Window, at: number, length: number): StringAt | undefined {
  const end = at + length;
  return window.length < end ? undefined : { bytes: window.view(at, end), end };
}

/** A little-endian signed integer of `size` bytes, as its decimal digits. */
function integerAt(window: Window, at: number, size: 1 | 2 | 4): StringAt | undefined {
  if (window.length < at + size) return undefined;
  let value = 0;
  for (let i = 0; i < size; i++) value |= window.at(at + i) << (8 * i);
  const unused = 32 - 8 * size;
  const digits = String((value << unused) >> unused);
  const bytes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0));
  return { bytes, end: at + size };
}

/** Both lengths are held against the limit; LZF that is longer than what it expands to is not written. */
function lzfAt(window: Window, at: number, maxLength: number): StringAt | undefined {
  const compressed = plainLengthAt(window, at);
  if (compressed === undefined) return undefined;
  checkLength(compressed.value, maxLength, window.position + at);
  const expanded = plainLengthAt(window, compressed.end);
  if (expanded === undefined) return undefined;
  checkLength(expanded.value, maxLength, window.position + compressed.end);
  const input = rawAt(window, expanded.end, compressed.value);
  if (input === undefined) return undefined;
  const position = window.position + expanded.end;
  return { bytes: expandLzf(input.bytes, expanded.value, position), end: input.end };
}

function plainLengthAt(window: Window, at: number): LengthAt | undefined {
  const length = lengthAt(window, at);
  if (length?.isEncoding) {
    throw corrupt(window.position + at, 'an encoding stands where a length is due');
  }
  return length;
}

function checkLength(length: number, maxLength: number, position: number): void {
  if (length <= maxLength) return;
  const message = `a string of ${length} bytes is longer than ${maxLength}, at byte ${position}`;
  throw new RdbError('AUX_TOO_LONG', position, message);
}

function corrupt(position: number, message: string): RdbError {
  return new RdbError('CORRUPT', position, `${message}, at byte ${position}`);
}
