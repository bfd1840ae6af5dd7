import type { Log } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { ReplicationReport, ResumePlan } from '@forebay/psync';
import { formatPosition, planResume } from '@forebay/psync';
import type { UpstreamDecision } from '@forebay/replica';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';

type StepBackPlan = Extract<ResumePlan, { type: 'step-back' }>;

/** Carries out what gives the log another end, while nobody is served from it. */
type LogChange = <T>(change: () => Promise<T>) => Promise<T>;

/**
 * Decides how to go on at a server, before it is asked: a request that it cannot continue would start
 * a full copy at once, fork and all. Where we hold more than it does of what is shared, the log steps
 * back first, for which `admitStepBack` finds room, or rejects.
 */
export async function negotiate(
  log: Log,
  report: ReplicationReport | undefined,
  reporter: Reporter,
  change: LogChange,
  admitStepBack: (offset: number) => Promise<void>,
): Promise<UpstreamDecision> {
  const { history, written: offset, lowest } = log;
  if (history === undefined || lowest === undefined) return { type: 'ask' };
  const plan = planResume({ history, offset, lowest }, report);
  switch (plan.type) {
    case 'continue':
      if (plan.note !== undefined) {
        reporter.step(plan.note, { event: 'resume-note' });
      }
      return { type: 'ask' };
    case 'wait':
      return { type: 'later', reason: plan.reason };
    case 'full':
      return { type: 'full', cause: plan.cause, reason: plan.reason };
    case 'step-back':
      await admitStepBack(plan.to);
      return stepBack(log, plan, reporter, change);
  }
}

async function stepBack(
  log: Log,
  { to: shared, history: { id } }: StepBackPlan,
  reporter: Reporter,
  change: LogChange,
): Promise<UpstreamDecision> {
  try {
    const { from, to, history, offset, stream } = await change(() => log.stepBack(shared, id));
    if (from.offset > offset) {
      const size = formatBytes(from.offset - offset);
      const places = { from: formatPosition(from), position: formatPosition(to) };
      const way = `from ${places.from} to ${places.position}`;
      reporter.good(`rewound ${way}: ${size} that the new primary never had are moved aside`, {
        ...{ event: 'rewound', ...places, bytes: from.offset - offset },
      });
    }
    return { type: 'resume', resume: { history, offset, stream } };
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw error;
    return { type: 'full', cause: 'not-covered', reason: error.message };
  }
}
