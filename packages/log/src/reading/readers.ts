import type { ReaderSeat } from './watched-log.ts';

/** Those who read a log at the moment. */
export class Readers {
  readonly #seats = new Set<ReaderSeat>();
  /** Those who wait for more. */
  readonly #waiting = new Set<() => void>();

  get seats(): readonly ReaderSeat[] {
    return [...this.#seats];
  }

  /** Lets one in, until the function returned is called. */
  seat(seat: ReaderSeat): () => void {
    this.#seats.add(seat);
    return () => this.#seats.delete(seat);
  }

  /** Calls `wake` once, at the next change. */
  onChange(wake: () => void): void {
    this.#waiting.add(wake);
  }

  get anyWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** There may be more, or the end. */
  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** What came after `offset` of a segment is taken back. */
  stepBack(segment: number, offset: number): void {
    for (const seat of this.#seats) seat.steppedBack(segment, offset);
  }

  /** What these need next is not held any longer; pins of others are passed over. */
  cutOff(pins: readonly object[]): void {
    for (const seat of this.#seats) if (pins.includes(seat)) seat.cutOff();
  }

  /** Wakes all, to find the log closed, and leaves no file of theirs open. */
  async close(): Promise<void> {
    this.wake();
    for (const seat of this.#seats) await seat.close();
  }
}
