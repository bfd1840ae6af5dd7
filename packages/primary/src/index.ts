export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export {
  array,
  bulk,
  error,
  integer,
  map,
  OK,
  otherSubcommand,
  SYNTAX_ERROR,
  simple,
  textOf,
  verbatim,
  wrongArity,
} from './conversation/replies.ts';
export type { PrimaryOptions, Words } from './embedded/primary.ts';
export { Primary } from './embedded/primary.ts';
export type { PrimaryErrorCode } from './errors.ts';
export { PrimaryError } from './errors.ts';
export type {
  LiveOptions,
  ReplicationServerOptions,
  ServerCounts,
} from './replication-server.ts';
export { ReplicationServer } from './replication-server.ts';
export type { ReplicaState } from './serving/attachment.ts';
export type { Caller, Command, CommandTable, Identity, Reply } from './serving/command.ts';
export { ping } from './serving/commands.ts';
export type { ListenOptions, SecureOptions } from './serving/listeners.ts';
export type { OutputLimit } from './serving/output-limit.ts';
export { replicaLine } from './serving/report.ts';
export type { ReplicaDescription, ReplicaEvents } from './serving/served-replicas.ts';
export type { ReplicaPlace, Snapshot, Source, Upstream } from './source.ts';
