export type { ReplicaProgress } from './acknowledgement.ts';
export type { Address, Endpoint } from './address.ts';
export { describeEndpoint, parseAddress } from './address.ts';
export type { BackoffOptions } from './backoff.ts';
export type { Resume } from './cached-stream.ts';
export type { ReplicaErrorCode, TlsFault } from './errors.ts';
export { ReplicaError } from './errors.ts';
export type { ReplicaItem } from './items.ts';
export type {
  AcceptedSnapshots,
  LinkPhase,
  ListeningPort,
  Timeouts,
  TransferProgress,
} from './link-options.ts';
export { checkTlsOptions } from './link-options.ts';
export type { ProbeOptions } from './probe.ts';
export { probe } from './probe.ts';
export { Replica } from './replica.ts';
export type {
  Password,
  ReplicaEvents,
  ReplicaOptions,
  ReplicaState,
  ReplicaTarget,
} from './replica-options.ts';
export type { RequestOptions, ServerReply } from './request-client.ts';
export { RequestClient } from './request-client.ts';
export type { LinkSocket, LinkSocketListener, TlsOptions, Transport } from './transport.ts';
export type { DecideUpstream, Upstream, UpstreamDecision } from './upstream.ts';
