export { countIn } from './containers/count.ts';
export { Crc64 } from './crc64.ts';
export type { RdbErrorCode } from './errors.ts';
export { RdbError } from './errors.ts';
export type { RdbPreambleEvent, RdbPreambleOptions } from './preamble-reader.ts';
export { DEFAULT_MAX_AUX_LENGTH, RdbPreambleReader } from './preamble-reader.ts';
export type {
  ContainerName,
  Counted,
  DataType,
  ModuleId,
  RawPiece,
  RdbContainer,
  RdbElement,
  RdbEvent,
  RdbFrame,
  RdbKey,
  RdbLevel,
  RdbLongElement,
  RdbMagic,
  StreamElement,
} from './reading/events.ts';
export type { PayloadOptions } from './reading/payload.ts';
export { payloadElements } from './reading/payload.ts';
export type { RdbReaderOptions } from './reading/reader.ts';
export { RdbReader } from './reading/reader.ts';
export type { ReplicationInfo } from './replication-info.ts';
export { replicationInfo } from './replication-info.ts';
export type { Retime, RetimingOptions, TtlMode } from './retiming.ts';
export { RdbRetimer, retimeBy, retimePayload } from './retiming.ts';
export type {
  DatabaseCounts,
  RdbFinding,
  RdbOutcome,
  RdbVerdict,
} from './verifying/verdict.ts';
export type { RdbVerifierOptions } from './verifying/verifier.ts';
export { RdbVerifier } from './verifying/verifier.ts';
export { compressLzf } from './writing/compress-lzf.ts';
export type { RdbLoss, WritableEvent, WritableKey } from './writing/events.ts';
export { RestorePayloadBuilder, restorePayload } from './writing/restore-payload.ts';
export type { RdbLoader, RdbTarget } from './writing/target.ts';
export { rdbTargetOf, serversThatLoad } from './writing/target.ts';
export type { RdbWriterOptions } from './writing/writer.ts';
export { RdbWriter } from './writing/writer.ts';
