/**
 * How much of the stream a replica may leave lying, as `client-output-buffer-limit replica`
 * (`networking.c: checkClientOutputBufferLimits`).
 */
export interface OutputLimit {
  /** Bytes at which it is cut off, those of the backlog at the least; 0: it never is. */
  readonly hard: number;
  /** Bytes at which it is cut off after `softTime`; 0: it never is. */
  readonly soft: number;
  /** Milliseconds without a break. */
  readonly softTime: number;
}

/** The default of servers: 256 MiB, or 64 MiB for a minute (`config.c: clientBufferLimitsDefaults`). */
export const SERVERS_OUTPUT_LIMIT: OutputLimit = {
  hard: 256 * 1024 ** 2,
  soft: 64 * 1024 ** 2,
  softTime: 60_000,
};

/** Looks at one replica, each time that it may owe more. */
export class OutputWatch {
  readonly #limit: OutputLimit;
  /** Since when it is over the soft limit. */
  #since: number | undefined;

  /** `backlogSize`: what is in memory in any case, and no less is allowed (since 7.0). */
  constructor({ hard, soft, softTime }: OutputLimit, backlogSize: number) {
    this.#limit = { hard: hard === 0 ? 0 : Math.max(hard, backlogSize), soft, softTime };
  }

  /** Why one who has not taken so many bytes is to be cut off; undefined: it is not. */
  look(bytes: number, now: number): string | undefined {
    const { hard, soft, softTime } = this.#limit;
    if (hard > 0 && bytes >= hard) return `it has ${bytes} bytes to take, of ${hard} allowed`;
    if (soft === 0 || bytes < soft) {
      this.#since = undefined;
      return undefined;
    }
    this.#since ??= now;
    if (now - this.#since < softTime) return undefined;
    const seconds = softTime / 1000;
    return `it has ${bytes} bytes to take, of ${soft} allowed for longer than ${seconds} s`;
  }
}
