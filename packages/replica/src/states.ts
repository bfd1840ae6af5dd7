import type { TransitionTable } from '@forebay/psync';
import type { LinkPhase } from './link-options.ts';
import type { ReplicaState } from './replica-options.ts';

/** Events of a link. */
export type LinkStep = 'connected' | 'full-resync' | 'continue' | 'snapshot-whole';

/** The phases of one link. A link may end in any of them. */
export const NEXT_PHASE: TransitionTable<LinkPhase, LinkStep> = {
  connect: { connected: 'handshake' },
  handshake: { 'full-resync': 'transfer', continue: 'stream' },
  transfer: { 'snapshot-whole': 'stream' },
  stream: {},
};

/** Events of a replica: those of its link, and the start and end of attempts and of the replica itself. */
export type ReplicaStep = LinkStep | 'attempt' | 'attempt-ended' | 'detach';

const ENDS = { 'attempt-ended': 'waiting', detach: 'detached' } as const;

export const NEXT_STATE: TransitionTable<ReplicaState, ReplicaStep> = {
  idle: { attempt: 'connect', detach: 'detached' },
  connect: { ...NEXT_PHASE.connect, ...ENDS },
  handshake: { ...NEXT_PHASE.handshake, ...ENDS },
  transfer: { ...NEXT_PHASE.transfer, ...ENDS },
  stream: { ...NEXT_PHASE.stream, ...ENDS },
  waiting: { attempt: 'connect', detach: 'detached' },
  detached: { detach: 'detached' },
};
