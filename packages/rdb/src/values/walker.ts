import { RdbError } from '../errors.ts';
import type { Cursor } from '../reading/cursor.ts';
import type { RdbContainer, RdbElement } from '../reading/events.ts';
import type { Elements, Layout, Part, Primitive, Repeat, Unit } from './layout.ts';

/** A part of a layout, and how far it is. */
interface Frame {
  parts: Layout;
  /** The part that is next. */
  next: number;
  /** How many times all of them are still to come, this time included. */
  left: number;
}

/**
 * Goes through a value along its layout, element by element or passing over it; both stop wherever the
 * bytes do, and go on from there.
 */
export class ValueWalker {
  readonly #cursor: Cursor;
  /** The first `#depth` of them count; the others are there to be used again, as there is one a value. */
  readonly #frames: Frame[] = [];
  #depth = 0;
  #inner: Elements | undefined;
  /** Which primitive of a unit is passed over next. */
  #primitive = 0;
  /** The first primitive of the unit that is passed over. */
  #first = 0;
  /** Whether a unit was not all there: until it is, nothing of it is expanded once more. */
  #wasShort = false;
  /** Bytes that are still to be passed over. */
  #rest = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  begin(parts: Layout): void {
    this.#wasShort = false;
    this.#inner = undefined;
    this.#push(parts, 1);
  }

  /** The value was passed over without it. */
  finish(): void {
    this.#depth = 0;
  }

  /** Whether the value has been gone through. */
  get done(): boolean {
    return this.#depth === 0 && this.#inner === undefined && this.#rest === 0;
  }

  /** The next element, or the next container where those are left `whole`; undefined: more bytes, or done. */
  next(whole: boolean): RdbElement | RdbContainer | undefined {
    for (;;) {
      if (this.#inner !== undefined) {
        const element = this.#inner.next();
        if (element !== undefined) return element;
        this.#inner = undefined;
      }
      const part = this.#part();
      if (part === undefined) return undefined;
      const found = this.#read(part, whole);
      if (found !== undefined) return found;
      if (this.#cursor.short) return undefined;
    }
  }

  /** Passes over what is left, as far as there are bytes. */
  skip(): void {
    const cursor = this.#cursor;
    this.#inner = undefined;
    for (;;) {
      if (this.#rest > 0) this.#rest = cursor.skip(this.#rest);
      if (this.#rest > 0) {
        cursor.short = true;
        return;
      }
      const part = this.#part();
      if (part === undefined) return;
      if (part.kind === 'choice') this.#choose(part);
      else this.#pass(part);
      if (cursor.short) return;
    }
  }

  /** The part that is next; undefined at the end. */
  #part(): Part | undefined {
    while (this.#depth > 0) {
      const frame = this.#frames[this.#depth - 1]!;
      if (frame.next < frame.parts.length) return frame.parts[frame.next];
      frame.left--;
      if (frame.left > 0) frame.next = 0;
      else this.#depth--;
    }
    return undefined;
  }

  /** The part that is next has been read. */
  #pastPart(): void {
    this.#frames[this.#depth - 1]!.next++;
  }

  #push(parts: Layout, left: number): void {
    if (left <= 0) return;
    const frame = this.#frames[this.#depth];
    if (frame === undefined) this.#frames.push({ parts, next: 0, left });
    else {
      frame.parts = parts;
      frame.next = 0;
      frame.left = left;
    }
    this.#depth++;
  }

  #enter({ body, once }: Repeat, times: number): void {
    this.#push(body, times);
    if (once !== undefined) this.#push(once, 1);
  }

  #read(part: Part, whole: boolean): RdbElement | RdbContainer | undefined {
    if (part.kind === 'choice') {
      this.#choose(part);
      return undefined;
    }
    const cursor = this.#cursor;
    const start = cursor.position;
    const head = part.kind === 'repeat' ? part.head : part;
    if (this.#wasShort && !isThere(cursor, head.primitives)) return undefined;
    const values = readUnit(cursor, head.primitives);
    this.#wasShort = cursor.short;
    if (cursor.short) {
      cursor.moveTo(start);
      return undefined;
    }
    this.#pastPart();
    if (part.kind === 'repeat') this.#enter(part, Number(values[0]));
    return this.#make(head, values, start, whole);
  }

  #make(
    unit: Unit,
    values: readonly Primitive[],
    start: number,
    whole: boolean,
  ): RdbElement | RdbContainer | undefined {
    if (unit.open === undefined) return unit.make?.(values);
    if (whole && unit.whole !== undefined) return unit.whole(values, start);
    this.#inner = unit.open(values, start);
    return undefined;
  }

  #choose({ cases, again }: Extract<Part, { kind: 'choice' }>): void {
    const cursor = this.#cursor;
    const start = cursor.position;
    const tag = cursor.length();
    if (cursor.short) {
      cursor.moveTo(start);
      return;
    }
    const parts = cases.get(tag);
    if (parts === undefined) throw cursor.corrupt(`an unknown tag ${tag}`, start);
    if (!again || tag === 0) this.#pastPart();
    this.#push(parts, 1);
  }

  /** Passes over the next primitive of a unit, and of the value of the first as far as it counts. */
  #pass(part: Exclude<Part, { kind: 'choice' }>): void {
    const cursor = this.#cursor;
    const start = cursor.position;
    const { primitives } = part.kind === 'repeat' ? part.head : part;
    const letter = primitives[this.#primitive]!;
    let value = 0;
    if (letter === 'L' || letter === 'U') value = cursor.length();
    else this.#rest = lengthOf(cursor, letter);
    if (cursor.short) {
      this.#rest = 0;
      cursor.moveTo(start);
      return;
    }
    if (this.#primitive === 0) this.#first = value;
    this.#primitive++;
    if (this.#primitive < primitives.length) return;
    this.#primitive = 0;
    this.#pastPart();
    if (part.kind === 'repeat') this.#enter(part, this.#first);
  }
}

/** Whether all of a unit is there; the cursor stays before it. */
function isThere(cursor: Cursor, primitives: string): boolean {
  const start = cursor.position;
  let isTooLong = false;
  for (let i = 0; i < primitives.length && !isTooLong; i++) {
    const letter = primitives[i]!;
    if (letter === 'L' || letter === 'U') cursor.length();
    else {
      const length = lengthOf(cursor, letter);
      isTooLong = length > cursor.maxLength;
      if (cursor.skip(length) > 0) cursor.short = true;
    }
  }
  cursor.moveTo(start);
  // What is too long is not waited for: whoever reads it says so.
  if (isTooLong) cursor.short = false;
  return !cursor.short;
}

/** Reads primitives; what is read past the end is nothing, and the cursor says so. */
function readUnit(cursor: Cursor, primitives: string): Primitive[] {
  const values: Primitive[] = [];
  for (let i = 0; i < primitives.length; i++) values.push(readPrimitive(cursor, primitives[i]!));
  return values;
}

function readPrimitive(cursor: Cursor, letter: string): Primitive {
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
    case 'X':
      return cursor.take(16);
    case 'B':
      return cursor.u8();
    case 'Q':
      return cursor.bigI64();
    case 'F':
      return cursor.f32();
    case 'T':
      return textDouble(cursor);
    case 'W':
      return cursor.take(4);
    default:
      return cursor.take(40);
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
  const message = `${JSON.stringify(text)} is no score, at byte ${position}`;
  throw new RdbError('CORRUPT', position, message);
}

/** Bytes of a primitive that are to be passed over; what says so is read. */
function lengthOf(cursor: Cursor, letter: string): number {
  switch (letter) {
    case 'S':
      return cursor.stringLength();
    case 'B':
      return 1;
    case 'F':
    case 'W':
      return 4;
    case 'X':
      return 16;
    case 'N':
      return 40;
    case 'T': {
      const length = cursor.u8();
      return length >= 253 ? 0 : length;
    }
    default:
      return 8;
  }
}
