import type { RespFailure, RespValue } from '@forebay/resp';

export const OK: RespValue = { type: 'simple', text: 'OK' };
export const SYNTAX_ERROR: RespFailure = failure('ERR syntax error');
export const NOT_A_NUMBER: RespFailure = failure('ERR value is not an integer or out of range');
export const NO_LINK: RespFailure = failure(
  "NOMASTERLINK Can't SYNC while not connected with my master",
);
export const PENDING_OUTPUT: RespFailure = failure(
  'ERR SYNC and PSYNC are invalid with pending output',
);
export const FAILOVER_TO_PRIMARY: RespFailure = failure(
  "ERR PSYNC FAILOVER can't be sent to a master.",
);
export const FAILOVER_REFUSED: RespFailure = failure(
  'ERR PSYNC FAILOVER is refused: what is here is never a primary.',
);
export const NO_SNAPSHOT: RespFailure = failure("ERR BGSAVE failed, replication can't continue");

/** `message` begins with its code; line ends become blanks. */
export function failure(message: string): RespFailure {
  const line = message.replaceAll(/[\r\n]/g, ' ');
  return { type: 'error', code: line.split(' ', 1)[0]!, message: line };
}
