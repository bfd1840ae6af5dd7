// Folders, each of which imports only folders before it: format, bytes, containers, values; reading and writing, which
// do not import each other; verifying, retiming and one folder for each other entry point (.dependency-cruiser.mjs).
export { compressLzf } from './bytes/compress-lzf.ts';
export { Crc64 } from './bytes/crc64.ts';
export { countIn } from './containers/count.ts';
export type { RdbErrorCode } from './format/errors.ts';
export { RdbError } from './format/errors.ts';
export type {
  ContainerName,
  Counted,
  DataType,
  KeySelection,
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
} from './format/events.ts';
export { DATA_TYPES } from './format/events.ts';
export type { PayloadOptions } from './reading/payload.ts';
export { payloadElements } from './reading/payload.ts';
export type { RdbPreambleEvent, RdbPreambleOptions } from './reading/preamble-reader.ts';
export { DEFAULT_MAX_AUX_LENGTH, RdbPreambleReader } from './reading/preamble-reader.ts';
export type { RdbReaderOptions } from './reading/reader.ts';
export { RdbReader } from './reading/reader.ts';
export type { ReplicationInfo } from './reading/replication-info.ts';
export { replicationInfo } from './reading/replication-info.ts';
export type { Retime, RetimingOptions, TtlMode } from './retiming/retiming.ts';
export { RdbRetimer, retimeBy, retimePayload } from './retiming/retiming.ts';
export { ElementCount } from './values/element-count.ts';
export type {
  DatabaseCounts,
  RdbFinding,
  RdbOutcome,
  RdbVerdict,
} from './verifying/verdict.ts';
export type { RdbVerifierOptions } from './verifying/verifier.ts';
export { RdbVerifier } from './verifying/verifier.ts';
export type { RdbLoss, WritableEvent, WritableKey } from './writing/events.ts';
export { RestorePayloadBuilder, restorePayload } from './writing/restore-payload.ts';
export type { RdbLoader, RdbTarget } from './writing/target.ts';
export { rdbTargetOf, serversThatLoad } from './writing/target.ts';
export type { RdbWriterOptions } from './writing/writer.ts';
export { RdbWriter } from './writing/writer.ts';
