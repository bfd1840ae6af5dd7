/** Bytes that are made text of at once: a multiple of three. */
const STEP = 48 * 1024;

/** Encodes pieces of bytes as base64. */
export class Base64 {
  /** Less than three bytes that wait for more. */
  #rest: Uint8Array = new Uint8Array(0);

  *push(bytes: Uint8Array): Generator<string, void, void> {
    const first = Buffer.concat([this.#rest, bytes.subarray(0, STEP - this.#rest.length)]);
    let at = STEP - this.#rest.length;
    let step: Buffer = first;
    while (step.length === STEP) {
      yield step.toString('base64');
      const { buffer, byteOffset, length } = bytes.subarray(at, at + STEP);
      step = Buffer.from(buffer, byteOffset, length);
      at += STEP;
    }
    const whole = step.length - (step.length % 3);
    yield step.toString('base64', 0, whole);
    this.#rest = new Uint8Array(step.subarray(whole));
  }

  /** Returns the rest and starts a new string. */
  end(): string {
    const rest = Buffer.from(this.#rest).toString('base64');
    this.#rest = new Uint8Array(0);
    return rest;
  }
}
