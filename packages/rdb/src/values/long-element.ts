import type { Cursor } from '../bytes/cursor.ts';
import { canExpand } from '../bytes/lzf.ts';
import { LzfExpansion } from '../bytes/lzf-expansion.ts';
import type { RdbElement, RdbLongElement } from '../format/events.ts';
import type { Primitive, Unit } from './layout.ts';
import { readPrimitive } from './primitives.ts';

const NOTHING = new Uint8Array(0);

/** A string that is given in pieces. */
interface Open {
  /** Bytes of it that are still to be read, as they stand in the RDB. */
  rest: number;
  readonly lzf: LzfExpansion | undefined;
}

/** Reads a unit of which a string is longer than the cursor's `maxLength`: that string in pieces. */
export class LongElement {
  readonly #cursor: Cursor;
  readonly #unit: Unit;
  /** What was read of it: copies, for their bytes do not last. */
  readonly #values: Primitive[] = [];
  readonly #lengths: number[] = [];
  #open: Open | undefined;

  /** The cursor is at its beginning. */
  constructor(cursor: Cursor, unit: Unit) {
    this.#cursor = cursor;
    this.#unit = unit;
  }

  /** Whether the unit is one element, of which strings may come in pieces. */
  static canBe(unit: Unit): boolean {
    return unit.open === undefined || unit.alone !== undefined;
  }

  /** Which primitive is next, and how much of the one before it is still to be passed over. */
  get place(): { readonly primitive: number; readonly rest: number } {
    const open = this.#open;
    if (open === undefined) return { primitive: this.#values.length, rest: 0 };
    return { primitive: this.#values.length + 1, rest: open.rest };
  }

  /**
   * The next event, `long-end` last; undefined: more bytes are needed, and the cursor is short. Undefined with
   * a cursor that is not: it is no element that can come so.
   *
   * @throws {RdbError} `CORRUPT`
   */
  next(): RdbLongElement | undefined {
    const { primitives } = this.#unit;
    for (;;) {
      if (this.#open !== undefined) {
        const piece = this.#piece(this.#open);
        if (piece !== undefined) return piece;
        if (this.#cursor.short) return undefined;
      }
      const letter = primitives[this.#values.length];
      if (letter === undefined) {
        return { type: 'long-end', element: this.#element()!, lengths: this.#lengths };
      }
      const began = letter === 'S' ? this.#begin() : this.#plain(letter);
      if (began !== undefined) return began;
      if (this.#cursor.short) return undefined;
    }
  }

  #plain(letter: string): undefined {
    const cursor = this.#cursor;
    const start = cursor.position;
    const value = readPrimitive(cursor, letter);
    if (cursor.short) cursor.moveTo(start);
    else this.#values.push(value instanceof Uint8Array ? value.slice() : value);
  }

  #begin(): RdbLongElement | undefined {
    const cursor = this.#cursor;
    const start = cursor.position;
    const rest = cursor.stringLength();
    const { expandsTo, short } = cursor;
    const length = expandsTo ?? rest;
    if (short || Math.max(rest, length) <= cursor.maxLength) {
      cursor.moveTo(start);
      if (!short) this.#string(start);
      return undefined;
    }
    if (expandsTo !== undefined && !canExpand(rest, expandsTo)) {
      throw cursor.corrupt(`${rest} bytes of LZF cannot expand to ${expandsTo}`);
    }
    const lzf = expandsTo === undefined ? undefined : new LzfExpansion(expandsTo, cursor.position);
    const element = this.#element();
    // The caller that parses it as a container reports that it is too long.
    if (element === undefined) {
      cursor.moveTo(start);
      cursor.string();
      return undefined;
    }
    this.#open = { rest, lzf };
    const string = this.#lengths.length;
    this.#lengths.push(length);
    return { type: 'long', element, string, length };
  }

  #string(start: number): void {
    const value = this.#cursor.string();
    if (this.#cursor.short) {
      this.#cursor.moveTo(start);
      return;
    }
    this.#values.push(value.slice());
    this.#lengths.push(value.length);
  }

  #piece(open: Open): RdbLongElement | undefined {
    const cursor = this.#cursor;
    for (;;) {
      if (open.rest === 0) {
        this.#open = undefined;
        this.#values.push(NOTHING);
        open.lzf?.finish();
        const last = open.lzf?.take() ?? NOTHING;
        return last.length > 0 ? { type: 'piece', bytes: last } : undefined;
      }
      const available = cursor.take(Math.min(open.rest, cursor.available));
      if (available.length === 0) {
        cursor.short = true;
        return undefined;
      }
      if (open.lzf === undefined) {
        open.rest -= available.length;
        return { type: 'piece', bytes: available };
      }
      const used = open.lzf.push(available);
      cursor.moveTo(cursor.position - (available.length - used));
      open.rest -= used;
      if (used < available.length) return { type: 'piece', bytes: open.lzf.take() };
    }
  }

  /** The element as far as it was read; undefined where the unit is none. */
  #element(): RdbElement | undefined {
    const { primitives, alone, make } = this.#unit;
    const values = [...primitives].map((letter, i) => this.#values[i] ?? absent(letter));
    return alone === undefined ? make?.(values) : alone(values);
  }
}

function absent(letter: string): Primitive {
  if (letter === 'U' || letter === 'Q') return 0n;
  return letter === 'S' || letter === 'X' || letter === 'W' ? NOTHING : 0;
}
