import type { ExitCode } from '../exit.ts';
import { EXIT } from '../exit.ts';
import type { Examined } from './examine.ts';

/** The result of all checks. */
export interface Verdict {
  readonly exitCode: ExitCode;
  /** One line. Nothing is claimed that was not tried. */
  readonly summary: string;
  /** Checks that were not tried, and untried parts of other checks. */
  readonly notTried: readonly string[];
}

/** The check that proves that a stream can be had. */
const PROOF = 'psync';

/** Sums up; the exit code is that of the first thing in the way. */
export function verdictOf(examined: readonly Examined[]): Verdict {
  const findings = examined.flatMap((each) => each.findings);
  const wrong = findings.filter(({ verdict }) => verdict === 'bad');
  const doubtful = findings.filter(({ verdict }) => verdict === 'warning').length;
  const notTried = examined.flatMap(({ check, findings: own }) => [
    ...(own.some(({ verdict }) => verdict === 'untried') ? [check.name] : []),
    ...own.flatMap(({ untried }) => untried ?? []),
  ]);
  const exitCode = wrong[0]?.exitCode ?? EXIT.ok;
  if (wrong.length > 0) {
    const tail = notTried.length === 0 ? '' : `, ${notTried.length} not tried`;
    const counts = `errors: ${wrong.length}, warnings: ${doubtful}${tail}`;
    return { exitCode, summary: `the primary cannot be followed (${counts})`, notTried };
  }
  const isProven = !notTried.includes(PROOF);
  const claim = isProven ? 'the primary can be followed' : 'no errors in the checks that were run';
  const todo = doubtful > 0 ? `warnings: ${doubtful}` : 'no changes needed';
  const tail = notTried.length === 0 ? '' : `; not tried: ${notTried.join(', ')}`;
  return { exitCode, summary: `${claim}, ${todo}${tail}`, notTried };
}
