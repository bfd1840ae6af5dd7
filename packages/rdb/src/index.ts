export type { RdbErrorCode } from './errors.ts';
export { RdbError } from './errors.ts';
export type { RdbMagic, RdbPreambleEvent, RdbPreambleOptions } from './preamble-reader.ts';
export { DEFAULT_MAX_AUX_LENGTH, RdbPreambleReader } from './preamble-reader.ts';
export type { ReplicationInfo } from './replication-info.ts';
export { replicationInfo } from './replication-info.ts';
