import type { ByteSink } from './byte-sink.ts';
import { STEP } from './byte-sink.ts';

/** Adds a string in pieces to a sink, in base64. */
export class Base64 {
  readonly #sink: ByteSink;
  /** Less than three bytes that wait for more. */
  readonly #rest = new Uint8Array(3);
  #waiting = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** The sink may be emptied after each step. */
  *push(bytes: Uint8Array): Generator<void, void, void> {
    let at = 0;
    if (this.#waiting > 0) {
      while (this.#waiting < 3 && at < bytes.length) this.#rest[this.#waiting++] = bytes[at++]!;
      if (this.#waiting < 3) return;
      this.end();
    }
    const end = bytes.length - ((bytes.length - at) % 3);
    for (; at < end; at += STEP) {
      this.#sink.base64(bytes.subarray(at, Math.min(at + STEP, end)));
      yield;
    }
    for (at = end; at < bytes.length; at++) this.#rest[this.#waiting++] = bytes[at]!;
  }

  /** Adds the pending bytes, and begins another string. */
  end(): void {
    this.#sink.base64(this.#rest.subarray(0, this.#waiting));
    this.#waiting = 0;
  }
}
