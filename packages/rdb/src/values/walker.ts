import type { Cursor } from '../bytes/cursor.ts';
import { canExpand } from '../bytes/lzf.ts';
import { LzfTokens } from '../bytes/lzf-tokens.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbContainer, RdbElement, RdbLongElement } from '../format/events.ts';
import type { Elements, Layout, Part, Primitive, Repeat, Unit } from './layout.ts';
import { LongElement } from './long-element.ts';
import { isThere, lengthOf, passUnit, readPrimitive, readUnit } from './primitives.ts';

/** Receives faults inside a string with a known end. */
export type OnFault = (error: RdbError) => void;

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
  /** The unit that is next, where a string of it comes in pieces. */
  #long: LongElement | undefined;
  readonly #inPieces: boolean;
  /** Which primitive of a unit is passed over next. */
  #primitive = 0;
  /** The first primitive of the unit that is passed over. */
  #first = 0;
  /** Whether a unit was not all there: until it is, nothing of it is expanded once more. */
  #wasShort = false;
  /** Bytes that are still to be passed over. */
  #rest = 0;
  /** What those bytes are checked by, where they are compressed. */
  #lzf: LzfTokens | undefined;
  /** Whether the next unit exceeds the buffer limit. */
  #isLarge = false;

  /** `inPieces`: whether a string that is too long comes in pieces; it is refused else. */
  constructor(cursor: Cursor, inPieces = false) {
    this.#cursor = cursor;
    this.#inPieces = inPieces;
  }

  begin(parts: Layout): void {
    this.#wasShort = false;
    this.#inner = undefined;
    this.#long = undefined;
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
  next(whole: boolean): RdbElement | RdbContainer | RdbLongElement | undefined {
    for (;;) {
      if (this.#long !== undefined) return this.#nextLong(this.#long);
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
    if (this.#long !== undefined) this.#leaveLong(this.#long);
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

  /**
   * Passes over what is left as `skip` does, and checks every string on the way: the walk goes on after one
   * that is damaged. Of a container longer than the cursor's `maxLength` only the compression is checked.
   *
   * @throws {RdbError} `CORRUPT` where it is not known how the bytes go on
   */
  check(onFault: OnFault): void {
    const cursor = this.#cursor;
    for (;;) {
      if (this.#rest > 0) this.#checkRest(onFault);
      if (cursor.short) return;
      const part = this.#part();
      if (part === undefined) return;
      if (part.kind === 'choice') this.#choose(part);
      else if (part.kind === 'unit' && part.check !== undefined && !this.#isLarge) {
        this.#checkUnit(part, onFault);
      } else this.#pass(part, onFault);
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

  #nextLong(long: LongElement): RdbLongElement | undefined {
    const event = long.next();
    if (event?.type === 'long-end') {
      this.#long = undefined;
      this.#pastPart();
    }
    return event;
  }

  /** What is left of it is passed over. */
  #leaveLong(long: LongElement): void {
    const { primitive, rest } = long.place;
    this.#long = undefined;
    this.#rest = rest;
    const unit = this.#part() as Unit;
    this.#primitive = primitive;
    if (primitive < unit.primitives.length) return;
    this.#primitive = 0;
    this.#pastPart();
  }

  #read(part: Part, whole: boolean): RdbElement | RdbContainer | RdbLongElement | undefined {
    if (part.kind === 'choice') {
      this.#choose(part);
      return undefined;
    }
    const cursor = this.#cursor;
    const start = cursor.position;
    const head = part.kind === 'repeat' ? part.head : part;
    if (this.#wasShort && !isThere(cursor, head.primitives)) return undefined;
    let values: readonly Primitive[];
    try {
      values = readUnit(cursor, head.primitives);
    } catch (error) {
      if (!this.#beginsLong(error, part)) throw error;
      cursor.moveTo(start);
      this.#wasShort = false;
      this.#long = new LongElement(cursor, part);
      return this.#nextLong(this.#long);
    }
    this.#wasShort = cursor.short;
    if (cursor.short) {
      cursor.moveTo(start);
      return undefined;
    }
    this.#pastPart();
    if (part.kind === 'repeat') this.#enter(part, Number(values[0]));
    return this.#make(head, values, start, whole);
  }

  #beginsLong(error: unknown, part: Part): part is Unit {
    const isTooLong = error instanceof RdbError && error.code === 'TOO_LONG';
    return isTooLong && this.#inPieces && part.kind === 'unit' && LongElement.canBe(part);
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
  #pass(part: Exclude<Part, { kind: 'choice' }>, onFault?: OnFault): void {
    const cursor = this.#cursor;
    const start = cursor.position;
    const { primitives } = part.kind === 'repeat' ? part.head : part;
    const letter = primitives[this.#primitive]!;
    let value = 0;
    if (letter === 'L' || letter === 'U') value = cursor.length();
    else if (letter === 'T' && onFault !== undefined) this.#checkScore(onFault);
    else this.#rest = lengthOf(cursor, letter);
    if (cursor.short) {
      this.#rest = 0;
      cursor.moveTo(start);
      return;
    }
    if (letter === 'S' && onFault !== undefined) this.#beginString(onFault);
    if (this.#primitive === 0) this.#first = value;
    this.#primitive++;
    if (this.#primitive < primitives.length) return;
    this.#primitive = 0;
    this.#isLarge = false;
    this.#pastPart();
    if (part.kind === 'repeat') this.#enter(part, this.#first);
  }

  #checkScore(onFault: OnFault): void {
    try {
      readPrimitive(this.#cursor, 'T');
    } catch (error) {
      report(error, onFault);
    }
  }

  /** The string that is passed over next may be compressed. */
  #beginString(onFault: OnFault): void {
    const cursor = this.#cursor;
    const { expandsTo, position } = cursor;
    if (expandsTo === undefined) return;
    if (!canExpand(this.#rest, expandsTo)) {
      onFault(cursor.corrupt(`${this.#rest} bytes of LZF cannot expand to ${expandsTo}`));
    } else if (this.#rest > 0) this.#lzf = new LzfTokens(expandsTo, position);
  }

  #checkRest(onFault: OnFault): void {
    const cursor = this.#cursor;
    const lzf = this.#lzf;
    if (lzf === undefined) this.#rest = cursor.skip(this.#rest);
    else {
      const piece = cursor.take(Math.min(this.#rest, cursor.available));
      this.#rest -= piece.length;
      if (this.#rest === 0) this.#lzf = undefined;
      try {
        lzf.push(piece);
        if (this.#rest === 0) lzf.finish();
      } catch (error) {
        this.#lzf = undefined;
        report(error, onFault);
      }
    }
    if (this.#rest > 0) cursor.short = true;
  }

  /** Checks a unit that is looked into, as soon as all of it is there. */
  #checkUnit({ primitives, check }: Unit, onFault: OnFault): void {
    const cursor = this.#cursor;
    const start = cursor.position;
    if (!passUnit(cursor, primitives)) {
      cursor.short = false;
      this.#isLarge = true;
    }
    const end = cursor.position;
    if (cursor.short || this.#isLarge) {
      cursor.moveTo(start);
      return;
    }
    cursor.moveTo(start);
    try {
      check!(readUnit(cursor, primitives), start);
    } catch (error) {
      report(error, onFault);
    }
    cursor.moveTo(end);
    this.#pastPart();
  }
}

function report(error: unknown, onFault: OnFault): void {
  if (!(error instanceof RdbError)) throw error;
  onFault(error);
}
