import { residentMegabytes } from './process-usage.ts';

const INTERVAL = 200;

export interface MemoryUse {
  /** Most resident megabytes the process ever had. */
  readonly most: number;
  /** Megabytes that it grew by within the second half of the watch, along a fitted line. */
  readonly growth: number;
}

/** Looks at the memory of a process again and again. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly #seen: number[] = [];
  #most = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), INTERVAL);
    this.#look();
  }

  /** To be called while the process is still there. */
  stop(): MemoryUse {
    clearInterval(this.#timer);
    this.#look();
    const half = this.#seen.slice(this.#seen.length >> 1);
    return { most: this.#most, growth: slopeOf(half) * (half.length - 1) };
  }

  #look(): void {
    const { now, most } = residentMegabytes(this.#pid);
    this.#seen.push(now);
    this.#most = most;
  }
}

/** Least squares, a step of one between two values. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let products = 0;
  let squares = 0;
  for (const [x, value] of values.entries()) {
    products += (x - middle) * (value - mean);
    squares += (x - middle) ** 2;
  }
  return squares === 0 ? 0 : products / squares;
}
