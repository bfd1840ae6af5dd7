export type { RdbReceiverErrorCode, RdbReceiverErrorDetails } from './errors.ts';
export { RdbReceiverError } from './errors.ts';
export type { BulkPayloadOptions, PayloadEvent, PayloadProgress } from './payload-reader.ts';
export { BulkPayloadReader } from './payload-reader.ts';
