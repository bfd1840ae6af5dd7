import type { Check } from './check.ts';
import { CHECKS } from './checks.ts';
import type { Finding } from './finding.ts';
import { findingOf, untried } from './finding.ts';
import type { Subject } from './subject.ts';
import { NotTold } from './subject.ts';

/** A check, and what it has come to. */
export interface Examined {
  readonly check: Check;
  readonly findings: readonly Finding[];
  /** The check that is in its way; undefined: it was tried. */
  readonly cause: string | undefined;
}

/** Tries everything, one after the other; what cannot be tried says why. */
export async function* examine(subject: Subject): AsyncGenerator<Examined> {
  /** What cannot be counted on, by what is to be mended first. */
  const blocked = new Map<string, string>();
  for (const check of CHECKS) {
    if (check.isWanted?.(subject) === false) continue;
    const [cause] = check.needs.flatMap((need) => blocked.get(need) ?? []);
    const findings =
      cause === undefined ? await attempt(check, subject) : [untried(`not tried: see ${cause}`)];
    if (findings.some(isInTheWay)) blocked.set(check.name, cause ?? check.name);
    yield { check, findings, cause };
  }
}

async function attempt(check: Check, subject: Subject): Promise<readonly Finding[]> {
  try {
    return await check.run(subject);
  } catch (error) {
    if (error instanceof NotTold) return [untried(`not tried: ${error.message}`)];
    return [findingOf(error)];
  }
}

function isInTheWay({ verdict, blocks }: Finding): boolean {
  return blocks === true || verdict === 'bad' || verdict === 'untried';
}
