/** What a contender reached in each round, in the order of the rounds. */
export type Samples<Name extends string> = ReadonlyMap<Name, readonly number[]>;

export interface Rounds {
  /** Rounds that count. */
  readonly rounds: number;
  /** Rounds before them that do not. */
  readonly warmUps: number;
}

/**
 * Takes a sample of each contender in turn, round by round, so that a noisy neighbour meets all of
 * them: A B C, C B A, A B C, …
 */
export async function interleave<Name extends string>(
  contenders: readonly Name[],
  { rounds, warmUps }: Rounds,
  sample: (name: Name, round: number) => number | Promise<number>,
): Promise<Samples<Name>> {
  const samples = new Map<Name, number[]>(contenders.map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const name of order) {
      const value = await sample(name, round);
      if (round >= 0) samples.get(name)?.push(value);
    }
  }
  return samples;
}

/** Units of work a second: `work` is repeated for about `milliseconds`, and tells how much it did. */
export function rateOf(work: () => number, milliseconds: number): number {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  do {
    done += work();
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return (done / elapsed) * 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of the ratios within a round: what slowed a whole round down falls out of it. */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  return median(above.map((value, round) => value / below[round]!));
}
