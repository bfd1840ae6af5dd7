import { PsyncError } from '../errors.ts';
import { concatBytes } from './concat-bytes.ts';

const LF = 10;
const CR = 13;

/**
 * Lines ended by LF, a CR before it dropped, as a replica reads replies before the stream
 * (`syncio.c: syncReadLine`). No more than one line's limit is ever held.
 */
export class LineReader {
  readonly #maxLength: number;
  #line = '';
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** `maxLength`: bytes of a line without its end, 1 or more. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = this.#at < this.#chunk.length ? concatBytes([this.takeRest(), chunk]) : chunk;
    this.#at = 0;
  }

  /**
   * The next whole line, one character a byte, or undefined until more bytes come.
   *
   * @throws {PsyncError} `LINE_TOO_LONG`
   */
  next(): string | undefined {
    const end = this.#chunk.indexOf(LF, this.#at);
    const stop = end === -1 ? this.#chunk.length : end;
    const length = this.#line.length + stop - this.#at;
    // One more for the CR that is not counted.
    if (length > this.#maxLength + 1) {
      const begins = (this.#line + text(this.#chunk.subarray(this.#at, this.#at + 40))).slice(
        0,
        40,
      );
      const message = `a reply of over ${this.#maxLength} bytes that begins ${JSON.stringify(begins)}`;
      throw new PsyncError('LINE_TOO_LONG', message);
    }
    this.#line += text(this.#chunk.subarray(this.#at, stop));
    this.#at = end === -1 ? stop : end + 1;
    if (end === -1) return undefined;
    const line = this.#line;
    this.#line = '';
    return line.charCodeAt(line.length - 1) === CR ? line.slice(0, -1) : line;
  }

  /** Up to `most` of the bytes pushed that belong to no line taken yet, one character a byte. */
  takeText(most: number): string {
    const end = Math.min(this.#chunk.length, this.#at + most);
    const taken = text(this.#chunk.subarray(this.#at, end));
    this.#at = end;
    return taken;
  }

  /** The bytes pushed that belong to no line taken yet; what follows the last line is the caller's. */
  takeRest(): Uint8Array {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
