import type { RdbKey } from '../format/events.ts';
import type { Argument } from './argument.ts';

/**
 * The `RESTORE` that makes a key anew, with its times, out of what `DUMP` gives.
 *
 * @param replace whether it replaces an existing key
 */
export function restoreArguments(
  name: Uint8Array,
  payload: Uint8Array,
  { expiresAt, idle, frequency }: Pick<RdbKey, 'expiresAt' | 'idle' | 'frequency'>,
  replace = false,
): Argument[] {
  // 0 stands for a key that does not expire, and less is refused: both are long past.
  const time = expiresAt === undefined ? 0 : Math.max(1, expiresAt);
  const args: Argument[] = ['RESTORE', name, time, payload];
  if (replace) args.push('REPLACE');
  if (expiresAt !== undefined) args.push('ABSTTL');
  if (idle !== undefined) args.push('IDLETIME', idle);
  else if (frequency !== undefined) args.push('FREQ', frequency);
  return args;
}
