import { Output } from '../writing/output.ts';

const NOTHING = new Uint8Array(0);
/** Only unchanged bytes are written. */
const PLAIN = { compress: false, longLengths: true, limit: Number.POSITIVE_INFINITY };

/**
 * The bytes of an RDB that nothing was decided about yet, as they pass by in pieces: they are taken, or
 * dropped, up to a position that the reader has come to.
 */
export class PassingBytes {
  /** Bytes of earlier pieces; the piece follows. */
  readonly #held = new Output(PLAIN, 4096);
  #piece: Uint8Array = NOTHING;
  /** Where in the RDB the first byte is that is not decided, and where the piece ends. */
  #from = 0;
  #end = 0;

  /** The next piece. */
  push(piece: Uint8Array): void {
    this.#piece = piece;
    this.#end += piece.length;
  }

  /** Where the piece ends. */
  get end(): number {
    return this.#end;
  }

  /** What is before `to`, in views that are valid until the next piece. */
  take(to: number): readonly Uint8Array[] {
    const held = this.#held.bytes;
    const rest = this.#piece.subarray(this.#pieceFrom(), this.#piece.length - (this.#end - to));
    this.drop(to);
    return held.length === 0 ? [rest] : [held, rest];
  }

  drop(to: number): void {
    this.#held.clear();
    this.#from = to;
  }

  /** Copies what is left of the piece, which will be overwritten. */
  hold(): void {
    this.#held.append(this.#piece.subarray(this.#pieceFrom()));
    this.#piece = NOTHING;
  }

  #pieceFrom(): number {
    return Math.max(0, this.#piece.length - (this.#end - this.#from));
  }
}
