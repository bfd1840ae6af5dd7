import { RespError } from './errors.ts';

/** `proto-max-bulk-len` as servers ship it: 512 MiB (`config.c`). */
export const DEFAULT_MAX_BULK_LENGTH: number = 536_870_912;

/** The most arguments a command had before Redis 7.0 (`networking.c: processMultibulkBuffer`). */
export const DEFAULT_MAX_ARGUMENTS: number = 1_048_576;

/** `PROTO_INLINE_MAX_SIZE` (`server.h`): 64 KiB. */
export const DEFAULT_MAX_INLINE_LENGTH: number = 65_536;

/** The most characters between a mark and CR LF: a sign and the digits of a 64-bit integer. */
export const MAX_NUMBER_LENGTH: number = 20;

/** The largest count a server takes from 7.0 on (`INT_MAX`). */
export const LARGEST_COUNT: number = 2_147_483_647;

/** @throws {RespError} `INVALID_OPTION` unless `value` is a whole number from `least` to `most` */
export function checkedOption(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RespError('INVALID_OPTION', `${name} is ${value}, not within ${least} to ${most}`);
}
