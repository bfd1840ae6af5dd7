import { RespError } from './errors.ts';

const EMPTY = new Uint8Array(0);

/**
 * Who writes without types may push text, whose bytes nobody knows. Bytes of another realm are bytes.
 *
 * @throws {RespError} `INVALID_VALUE`
 */
export function checkBytes(chunk: Uint8Array): void {
  if (ArrayBuffer.isView(chunk) && chunk.BYTES_PER_ELEMENT === 1) return;
  throw new RespError(
    'INVALID_VALUE',
    `bytes are to be pushed, not a value of type ${typeof chunk}`,
  );
}

/**
 * The bytes that were pushed and not read yet. A chunk that comes when all is read is used in place;
 * otherwise it is appended, to memory that doubles, so that pushing is linear in all.
 */
export class Window {
  bytes: Uint8Array = EMPTY;
  /** The next byte to read, and one past the last. */
  pos = 0;
  end = 0;
  /** The stream's offset of the first of `bytes`. */
  base = 0;
  #isOwn = false;

  push(chunk: Uint8Array): void {
    checkBytes(chunk);
    if (chunk.length === 0) return;
    if (this.pos === this.end) {
      this.base += this.pos;
      this.pos = 0;
      this.bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      this.end = chunk.length;
      this.#isOwn = false;
      return;
    }
    if (!this.#isOwn || this.end + chunk.length > this.bytes.length) this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Copies what is unread, so that the chunk it came in may change. */
  settle(): void {
    if (this.pos === this.end) {
      this.base += this.pos;
      this.bytes = EMPTY;
      this.pos = 0;
      this.end = 0;
      this.#isOwn = false;
    } else if (!this.#isOwn) {
      this.#makeRoom(0);
    }
  }

  #makeRoom(more: number): void {
    const length = this.end - this.pos;
    const roomy = this.#isOwn && 2 * (length + more) <= this.bytes.length;
    const target = roomy ? this.bytes : new Uint8Array(Math.max(64, 2 * (length + more)));
    target.set(this.bytes.subarray(this.pos, this.end));
    this.base += this.pos;
    this.bytes = target;
    this.pos = 0;
    this.end = length;
    this.#isOwn = true;
  }
}
