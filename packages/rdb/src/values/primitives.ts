import type { Cursor } from '../bytes/cursor.ts';
import { RdbError } from '../format/errors.ts';
import type { Primitive } from './layout.ts';

/** Whether all of a unit is there; the cursor stays before it. */
export function isThere(cursor: Cursor, primitives: string): boolean {
  const start = cursor.position;
  const isShort = passUnit(cursor, primitives) && cursor.short;
  cursor.moveTo(start);
  // A string above the limit is not buffered: its reader reports the error.
  cursor.short = isShort;
  return !isShort;
}

/**
 * Skips a unit as far as its bytes are available. False if a string is longer than the cursor's `maxLength`: the
 * bytes after it are not examined.
 */
export function passUnit(cursor: Cursor, primitives: string): boolean {
  for (let i = 0; i < primitives.length; i++) {
    const letter = primitives[i]!;
    if (letter === 'L' || letter === 'U') cursor.length();
    else {
      const length = lengthOf(cursor, letter);
      const expanded = letter === 'S' ? (cursor.expandsTo ?? 0) : 0;
      if (Math.max(length, expanded) > cursor.maxLength) return false;
      if (cursor.skip(length) > 0) cursor.short = true;
    }
  }
  return true;
}

/** Reads primitives; what is read past the end is nothing, and the cursor says so. */
export function readUnit(cursor: Cursor, primitives: string): Primitive[] {
  const values: Primitive[] = [];
  for (let i = 0; i < primitives.length; i++) values.push(readPrimitive(cursor, primitives[i]!));
  return values;
}

export function readPrimitive(cursor: Cursor, letter: string): Primitive {
  switch (letter) {
    case 'S':
      return cursor.string();
    case 'L':
      return cursor.length();
    case 'D':
      return cursor.f64();
    case 'I':
      return cursor.i64();
    case 'U':
      return cursor.bigLength();
    case 'B':
      return cursor.u8();
    case 'Q':
      return cursor.bigI64();
    case 'F':
      return cursor.f32();
    case 'T':
      return textDouble(cursor);
    default:
      return cursor.take(BYTES[letter]!);
  }
}

/** A length and digits, or in place of the length what digits cannot say (`rdb.c: rdbLoadDoubleValue`). */
function textDouble(cursor: Cursor): number {
  const length = cursor.u8();
  if (length === 253) return Number.NaN;
  if (length === 254) return Number.POSITIVE_INFINITY;
  if (length === 255) return Number.NEGATIVE_INFINITY;
  const position = cursor.position;
  const text = String.fromCharCode(...cursor.take(length));
  return cursor.short ? 0 : parseScore(text, position);
}

/** A score as text, of servers that have printed it. @throws {RdbError} `CORRUPT` */
export function parseScore(text: string, position: number): number {
  if (/^[-+]?inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^[-+]?nan$/i.test(text)) return Number.NaN;
  const value = Number(text);
  if (text !== '' && !Number.isNaN(value)) return value;
  const message = `${JSON.stringify(text)} is not a score, at byte ${position}`;
  throw new RdbError('CORRUPT', position, message);
}

/** Size of the primitives that have a fixed size. */
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  F: 4,
  W: 4,
  D: 8,
  I: 8,
  Q: 8,
  X: 16,
  N: 40,
};

/** Bytes of a primitive that are to be passed over; what says so is read. */
export function lengthOf(cursor: Cursor, letter: string): number {
  switch (letter) {
    case 'S':
      return cursor.stringLength();
    case 'T': {
      const length = cursor.u8();
      return length >= 253 ? 0 : length;
    }
    default:
      return BYTES[letter]!;
  }
}
