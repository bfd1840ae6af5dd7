import type { Finding } from './finding.ts';
import type { Subject } from './subject.ts';

/** One step that a replica needs, or that it fares better with. */
export interface Check {
  readonly name: string;
  /** What it tries, for help and the reference. */
  readonly tries: string;
  /** Checks without which it cannot be tried. */
  readonly needs: readonly string[];
  /** Whether it is asked for; always by default. */
  readonly isWanted?: (subject: Subject) => boolean;
  /** @throws {ReplicaError} where the link fails, which is then the finding */
  readonly run: (subject: Subject) => Promise<readonly Finding[]>;
}
