/** Numbers that look random and are the same for the same seed. */
export interface Random {
  readonly seed: number;
  /** A float from 0 (included) to 1 (excluded). */
  float(): number;
  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  bytes(length: number): Uint8Array;
  pick<T>(items: readonly T[]): T;
}

/**
 * The seed of this run: `FOREBAY_SEED` where it is set, otherwise one drawn now. Put it in the
 * failure message: the run is repeated by setting the variable.
 */
export function runSeed(): number {
  const given = process.env.FOREBAY_SEED;
  return given === undefined ? (Math.random() * 2 ** 32) >>> 0 : Number(given) >>> 0;
}

/** Marsaglia's xorshift over 32 bits, whitened by a multiplication. `seed` is taken modulo 2^32. */
export function randomFrom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const float = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (Math.imul(state, 0x2545f491) >>> 0) / 2 ** 32;
  };
  const integer = (low: number, high: number): number =>
    low + Math.floor(float() * (high - low + 1));
  return {
    seed,
    float,
    integer,
    bytes: (length) => Uint8Array.from({ length }, () => integer(0, 255)),
    pick: (items) => items[integer(0, items.length - 1)]!,
  };
}
