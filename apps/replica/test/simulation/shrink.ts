/** The longest search, in milliseconds. */
const PATIENCE = 30_000;

/**
 * The shortest list of steps found in time that still fails: leaves out chunks of steps, from large chunks to single
 * steps, then replaces each step by simpler ones, until no change is possible (delta debugging: Zeller and
 * Hildebrandt, 2002).
 *
 * @param fails whether these steps fail as the given ones do
 * @param simpler the steps that one step may be replaced by
 */
export async function shrink<S>(
  steps: readonly S[],
  fails: (steps: readonly S[]) => Promise<boolean>,
  simpler: (step: S) => readonly S[],
  patience = PATIENCE,
): Promise<readonly S[]> {
  const end = performance.now() + patience;
  const isLate = (): boolean => performance.now() > end;
  let shortest = steps;
  for (let before: readonly S[] | undefined; before !== shortest && !isLate(); ) {
    before = shortest;
    shortest = await withoutChunks(shortest, fails, isLate);
    shortest = await withSimpler(shortest, fails, simpler, isLate);
  }
  return shortest;
}

async function withoutChunks<S>(
  steps: readonly S[],
  fails: (steps: readonly S[]) => Promise<boolean>,
  isLate: () => boolean,
): Promise<readonly S[]> {
  let shortest = steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    // From the end: the last steps are needed least often.
    for (let at = shortest.length - size; at > -size && !isLate(); at -= size) {
      const from = Math.max(0, at);
      const rest = [...shortest.slice(0, from), ...shortest.slice(at + size)];
      if (rest.length < shortest.length && (await fails(rest))) shortest = rest;
    }
  }
  return shortest;
}

async function withSimpler<S>(
  steps: readonly S[],
  fails: (steps: readonly S[]) => Promise<boolean>,
  simpler: (step: S) => readonly S[],
  isLate: () => boolean,
): Promise<readonly S[]> {
  let simplest = steps;
  for (let i = 0; i < steps.length && !isLate(); i++) {
    for (const step of simpler(simplest[i]!)) {
      const changed = simplest.with(i, step);
      if (!isLate() && (await fails(changed))) {
        simplest = changed;
        break;
      }
    }
  }
  return simplest;
}
