import type { Check } from './check.ts';
import { CHECKS } from './checks.ts';
import type { Finding } from './finding.ts';
import { findingOf, untried } from './finding.ts';
import type { Subject } from './subject.ts';

/** A check, and what it has come to. */
export interface Examined {
  readonly check: Check;
  readonly findings: readonly Finding[];
}

/** Tries everything, one after the other; what cannot be tried says why. */
export async function* examine(subject: Subject): AsyncGenerator<Examined> {
  const blocked = new Set<string>();
  for (const check of CHECKS) {
    if (check.isWanted?.(subject) === false) continue;
    const missing = check.needs.find((need) => blocked.has(need));
    const findings =
      missing === undefined
        ? await attempt(check, subject)
        : [untried(`not tried: see ${missing}`)];
    if (findings.some(isInTheWay)) blocked.add(check.name);
    yield { check, findings };
  }
}

async function attempt(check: Check, subject: Subject): Promise<readonly Finding[]> {
  try {
    return await check.run(subject);
  } catch (error) {
    return [findingOf(error)];
  }
}

function isInTheWay({ verdict, blocks }: Finding): boolean {
  return blocks === true || verdict === 'bad' || verdict === 'untried';
}
