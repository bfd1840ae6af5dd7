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
export type { LiveOptions, ReplicationServerOptions } from './options.ts';
export type { ServerCounts } from './replication-server.ts';
export { ReplicationServer } from './replication-server.ts';
export type { Caller, Command, CommandTable, Reply } from './serving/command.ts';
export type { Identity } from './serving/commands/command-host.ts';
export { replicaLine } from './serving/commands/report.ts';
export { ping } from './serving/commands/table.ts';
export type { ReplicaState } from './serving/replica/attachment.ts';
export type { OutputLimit } from './serving/replica/output-limit.ts';
export type { DelayedResync, ResyncBackoffOptions } from './serving/replica/resync-backoff.ts';
export type { RandomBytes } from './serving/replica/transfer.ts';
export type { ReplicaDescription, ReplicaEvents } from './serving/served-replicas.ts';
export type { TrafficCounts } from './serving/traffic.ts';
export type { ReplicaPlace, Snapshot, Source, Upstream } from './source.ts';
