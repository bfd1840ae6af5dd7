export type { CommandCursorOptions } from './cursor.ts';
export { CommandCursor } from './cursor.ts';
export type { RespDecoderOptions } from './decoder.ts';
export { RespDecoder } from './decoder.ts';
export { encodeCommand, encodeCommandParts, encodeValue } from './encoder.ts';
export type {
  RespCallerErrorCode,
  RespErrorCode,
  RespLimitErrorCode,
  RespPeerErrorCode,
} from './errors.ts';
export { RespError } from './errors.ts';
export { matchesGlob } from './glob.ts';
export { splitInline } from './inline.ts';
export {
  DEFAULT_MAX_ARGUMENTS,
  DEFAULT_MAX_BULK_LENGTH,
  DEFAULT_MAX_INLINE_LENGTH,
} from './limits.ts';
export type {
  RespBigNumber,
  RespBoolean,
  RespBulk,
  RespDouble,
  RespEntries,
  RespFailure,
  RespMap,
  RespNull,
  RespNumber,
  RespSequence,
  RespSimple,
  RespValue,
  RespVerbatim,
} from './values.ts';
