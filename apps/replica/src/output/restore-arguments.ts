import type { RdbKey } from '@forebay/rdb';

/** The `RESTORE` that makes a key anew, with its times, out of what `DUMP` gives. */
export function restoreArguments(
  name: Uint8Array,
  payload: Uint8Array,
  { expiresAt, idle, frequency }: Pick<RdbKey, 'expiresAt' | 'idle' | 'frequency'>,
  replace = false,
): (string | number | Uint8Array)[] {
  // 0 stands for a key that does not expire, and less is refused: both are long past.
  const time = expiresAt === undefined ? 0 : Math.max(1, expiresAt);
  const args: (string | number | Uint8Array)[] = ['RESTORE', name, time, payload];
  if (replace) args.push('REPLACE');
  if (expiresAt !== undefined) args.push('ABSTTL');
  if (idle !== undefined) args.push('IDLETIME', idle);
  else if (frequency !== undefined) args.push('FREQ', frequency);
  return args;
}
