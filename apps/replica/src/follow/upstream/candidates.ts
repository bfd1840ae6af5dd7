import type { HeldStream, ReplicationReport } from '@forebay/psync';
import { planResume } from '@forebay/psync';
import type { Candidate, Candidates } from '../../config/candidate.ts';

/** Asks a server for its report; rejects where it cannot be had. */
export type Probe = (candidate: Candidate) => Promise<ReplicationReport | undefined>;

interface Answer {
  readonly candidate: Candidate;
  readonly report: ReplicationReport;
}

/**
 * Whom to follow: of those that answer as a primary the first that can go on from what is held, or the
 * first at all; where none does, the primary that one of the replicas among them names. Undefined where
 * there is none now.
 */
export async function choose(
  candidates: Candidates,
  probe: Probe,
  held: HeldStream | undefined,
): Promise<Candidate | undefined> {
  const answers = await ask(candidates, probe);
  const named = (): Candidate[] => answers.flatMap(upstreamOf);
  const primaries = answers.filter(isPrimary);
  const found = primaries.length > 0 ? primaries : (await ask(named(), probe)).filter(isPrimary);
  const fitting = found.find(({ report }) => held !== undefined && goesOn(held, report));
  return (fitting ?? found[0])?.candidate;
}

async function ask(candidates: readonly Candidate[], probe: Probe): Promise<Answer[]> {
  const answers = await Promise.all(
    candidates.map(async (candidate) => {
      try {
        const report = await probe(candidate);
        return report === undefined ? [] : [{ candidate, report }];
      } catch {
        return [];
      }
    }),
  );
  return answers.flat();
}

function isPrimary({ report }: Answer): boolean {
  return report.role === 'primary';
}

/** Whom a replica follows, reached as it is itself. */
function upstreamOf({ candidate, report: { upstream } }: Answer): Candidate[] {
  if (upstream === undefined) return [];
  const kind = candidate.endpoint.kind === 'tls' ? 'tls' : 'tcp';
  return [{ ...candidate, endpoint: { kind, host: upstream.host, port: upstream.port } }];
}

function goesOn(held: HeldStream, report: ReplicationReport): boolean {
  const { type } = planResume(held, report);
  return type === 'continue' || type === 'step-back';
}
