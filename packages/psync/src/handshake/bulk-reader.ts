import type { LineReader } from './line-reader.ts';

/** Characters that are made at once: they are arguments of one call. */
const PIECE = 4096;

/** The body of a bulk reply, gathered as it comes; the line before it has been read. */
export class BulkReader {
  readonly #length: number;
  #text = '';

  /** `length`: bytes of the body, without the line's end after it. */
  constructor(length: number) {
    this.#length = length;
  }

  /** Takes what there is of it; the body once it is whole, undefined until then. */
  read(lines: LineReader): string | undefined {
    for (;;) {
      const missing = this.#length + 2 - this.#text.length;
      if (missing === 0) return this.#text.slice(0, -2);
      const piece = lines.takeText(Math.min(missing, PIECE));
      if (piece === '') return undefined;
      this.#text += piece;
    }
  }
}
