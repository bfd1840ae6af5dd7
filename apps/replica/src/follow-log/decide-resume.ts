import type { Log, StepBack } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { ReplicationReport, ResumePlan } from '@forebay/psync';
import { planResume } from '@forebay/psync';
import type { UpstreamDecision } from '@forebay/replica';

type StepBackPlan = Extract<ResumePlan, { type: 'step-back' }>;

/** Conditions on a step back, and notifications. */
export interface ResumeOptions {
  /** Called before a step back to an offset; rejects if there is no room for the copy of the bytes after it. */
  readonly admitStepBack?: (offset: number) => Promise<void>;
  /** Runs a change of the log's history; until it is done, the caller must not serve the log. */
  readonly changeHistory?: <T>(change: () => Promise<T>) => Promise<T>;
  /** A remark on a plan to continue, for the daemon's log. */
  readonly onNote?: (note: string) => void;
  /** The log has stepped back. */
  readonly onStepBack?: (stepBack: StepBack) => void;
}

/**
 * Decides how a log continues at a server, from the server's report and before PSYNC: if PSYNC asks for a position
 * that the server does not have, the server starts a full resync at once, with a fork. If the log holds more of the
 * common history than the server does, the log steps back first. For `ReplicaOptions.onUpstream`.
 *
 * @throws {LogError} if the step back fails @throws the rejection of `admitStepBack`
 */
export async function decideResume(
  log: Log,
  report: ReplicationReport | undefined,
  options: ResumeOptions = {},
): Promise<UpstreamDecision> {
  const { history, written: offset, lowest } = log;
  if (history === undefined || lowest === undefined) return { type: 'ask' };
  const plan = planResume({ history, offset, lowest }, report);
  switch (plan.type) {
    case 'continue':
      if (plan.note !== undefined) options.onNote?.(plan.note);
      return { type: 'ask' };
    case 'wait':
      return { type: 'later', reason: plan.reason };
    case 'full':
      return { type: 'full', cause: plan.cause, reason: plan.reason };
    case 'step-back':
      await options.admitStepBack?.(plan.to);
      return stepBack(log, plan, options);
  }
}

async function stepBack(
  log: Log,
  { to: shared, history: { id } }: StepBackPlan,
  { changeHistory = (change) => change(), onStepBack }: ResumeOptions,
): Promise<UpstreamDecision> {
  try {
    const result = await changeHistory(() => log.stepBack(shared, id));
    if (result.from.offset > result.offset) onStepBack?.(result);
    const { history, offset, stream } = result;
    return { type: 'resume', resume: { history, offset, stream } };
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw error;
    return { type: 'full', cause: 'not-covered', reason: error.message };
  }
}
