import type { Cursor } from '../bytes/cursor.ts';
import { RdbError } from '../format/errors.ts';

/** How a reader goes: step by step, until one finds something or the bytes end; a failure is final. */
export class Steps<Event> {
  readonly #cursor: Cursor;
  readonly #step: () => Event | undefined;
  readonly #pause: () => void;
  #failure: RdbError | undefined;

  /**
   * @param step reads on; undefined with the cursor not short: there was nothing to tell
   * @param pause the bytes are to be let go of, but those that are read again when there are more
   */
  constructor(cursor: Cursor, step: () => Event | undefined, pause: () => void) {
    this.#cursor = cursor;
    this.#step = step;
    this.#pause = pause;
  }

  /** Whether nothing more is to be had. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** What was found next; undefined: more bytes are needed. @throws {RdbError} the same each time from the first on */
  next(): Event | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const cursor = this.#cursor;
    cursor.short = false;
    let start = cursor.position;
    try {
      for (;;) {
        start = cursor.position;
        const event = this.#step();
        if (event !== undefined) return event;
        if (cursor.short) break;
      }
      this.#pause();
      return undefined;
    } catch (error) {
      this.#failure = error as RdbError;
      cursor.moveTo(start);
      throw error;
    }
  }

  /** There are no more bytes, and the end was not reached: `where` it stopped. @throws {RdbError} `TRUNCATED` */
  cutShort(where: string): never {
    if (this.#failure !== undefined) throw this.#failure;
    const length = this.#cursor.position + this.#cursor.available;
    throw new RdbError('TRUNCATED', length, `the RDB ends at byte ${length}, ${where}`);
  }
}
