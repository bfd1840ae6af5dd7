import { base64Length, writeBase64 } from '../bytes/base64.ts';
import { isUtf8 } from '../bytes/utf8.ts';

/** Bytes of a string that are written as text at once; longer strings take several steps. A multiple of three, for base64. */
export const STEP: number = 48 * 1024;
/** Bytes that one byte takes as text at the most: `\u0000`. */
const MOST_ESCAPED = 6;

const [QUOTE, BACKSLASH] = [34, 92];
const LETTER_U = 117;
const HEX = '0123456789abcdef';
/** By byte: what follows the backslash; 0 where there is none. */
const ESCAPES = new Uint8Array(256);
ESCAPES.fill(LETTER_U, 0, 32);
for (const [byte, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
] as const) {
  ESCAPES[byte] = letter.charCodeAt(0);
}
for (const byte of [QUOTE, BACKSLASH]) ESCAPES[byte] = byte;

/** Bytes that are gathered to be written together; it grows to what is added. */
export class ByteSink {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was gathered, as a view; valid until more is added. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Keeps only the first `length` bytes. */
  cutTo(length: number): void {
    this.#length = length;
  }

  /** Adds text that is ASCII. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  add(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Adds bytes in base64; their number must be a multiple of three if more bytes follow. */
  base64(bytes: Uint8Array): void {
    this.#reserve(base64Length(bytes.length));
    this.#length = writeBase64(bytes, this.#bytes, this.#length);
  }

  /**
   * Adds bytes as JSON: a string if they are UTF-8, otherwise `{"base64":"…"}`, which cannot be mistaken for a
   * string. All data of a data set is printed in this form.
   */
  json(bytes: Uint8Array): void {
    if (bytes.length > STEP) {
      for (const _ of this.jsonSteps(bytes));
      return;
    }
    const start = this.#length;
    this.#quote();
    if (this.#text(bytes)) this.#quote();
    else {
      this.#length = start;
      this.ascii('{"base64":"');
      this.base64(bytes);
      this.ascii('"}');
    }
  }

  /** The same, and after each step what was gathered so far may be written. */
  *jsonSteps(bytes: Uint8Array): Generator<void, void, void> {
    const isText = isUtf8(bytes);
    this.ascii(isText ? '"' : '{"base64":"');
    for (let at = 0; at < bytes.length; at += STEP) {
      const step = bytes.subarray(at, at + STEP);
      if (isText) this.#text(step, true);
      else this.base64(step);
      yield;
    }
    this.ascii(isText ? '"' : '"}');
  }

  #quote(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = QUOTE;
  }

  /** False, and nothing that counts was added, where it is no UTF-8. */
  #text(from: Uint8Array, isText = false): boolean {
    this.#reserve(MOST_ESCAPED * from.length);
    const bytes = this.#bytes;
    let at = this.#length;
    let known = isText;
    for (let i = 0; i < from.length; i++) {
      const byte = from[i]!;
      const follows = ESCAPES[byte]!;
      if (follows === 0) {
        if (byte >= 0x80 && !known) {
          if (!isUtf8(from)) return false;
          known = true;
        }
        bytes[at++] = byte;
        continue;
      }
      bytes[at++] = BACKSLASH;
      bytes[at++] = follows;
      if (follows !== LETTER_U) continue;
      bytes[at++] = 48;
      bytes[at++] = 48;
      bytes[at++] = HEX.charCodeAt(byte >> 4);
      bytes[at++] = HEX.charCodeAt(byte & 15);
    }
    this.#length = at;
    return true;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.view);
    this.#bytes = grown;
  }
}
