export type { PsyncErrorCode } from './errors.ts';
export { PsyncError } from './errors.ts';
export type {
  HandshakeEvent,
  HandshakeOutcome,
  HandshakeStep,
  ReplicaHandshakeOptions,
} from './handshake/replica-handshake.ts';
export { ReplicaHandshake } from './handshake/replica-handshake.ts';
export type { ReplyClass } from './handshake/replies.ts';
export { classifyReply } from './handshake/replies.ts';
export type { HandshakeState, ReplyMeaning } from './handshake/transitions.ts';
export { meaningOf } from './handshake/transitions.ts';
export type { History, Position } from './history.ts';
export {
  BLANK_ID,
  formatPosition,
  isReplicationId,
  parsePosition,
  shiftHistory,
  startHistory,
} from './history.ts';
export type { AnnouncedReplica } from './primary/announced-replica.ts';
export type {
  CloseManner,
  ServedReplicaAction,
  ServedReplicaEvent,
  Serving,
  SignOfLife,
} from './primary/served-replica.ts';
export { ServedReplica } from './primary/served-replica.ts';
export type { ReportedReplicaState, ServedReplicaState } from './primary/transitions.ts';
export type {
  ReplicationReport,
  ReportedBacklog,
  ReportedReplica,
  ReportedServer,
  ReportedUpstream,
} from './report.ts';
export { parseReplicationReport } from './report.ts';
export type { CopyCause, HeldStream, ResumePlan } from './resume.ts';
export { planResume } from './resume.ts';
export type {
  FullResyncCause,
  ResyncDecision,
  ResyncRules,
  ServedStream,
} from './resync/decide.ts';
export { continueLine, decideResync, fullResyncLine } from './resync/decide.ts';
export type { ResyncRequest } from './resync/request.ts';
export { parseResyncRequest } from './resync/request.ts';
export type { Boundary } from './stream-tracker.ts';
export { StreamTracker } from './stream-tracker.ts';
export type { TransitionTable } from './transitions.ts';
export { nextState } from './transitions.ts';
