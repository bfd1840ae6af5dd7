import type { RdbError } from '@forebay/rdb';
import type { CommandLosses } from '@forebay/rdb/commands';
import { EXIT, ExitError } from '../../exit.ts';

const TEXTS: Readonly<Record<keyof CommandLosses, string>> = {
  metadata: 'keys without their module metadata: no command sets it',
  negative: 'pending entries left out that consumers released (XNACK): no command sets them',
  produced: 'ids for duplicate detection left out: no command sets them',
  deleted: 'pending entries of deleted messages left out: their streams are above 512 MiB',
};

/** A line for each loss that there is. */
export function linesOfLosses(losses: CommandLosses): string[] {
  const names = Object.keys(TEXTS) as (keyof CommandLosses)[];
  return names.filter((name) => losses[name] > 0).map((name) => `${losses[name]} ${TEXTS[name]}`);
}

/** The error for a key that the requested commands cannot create; undefined for any other error. */
export function refusalOf({ code, message }: RdbError): ExitError | undefined {
  switch (code) {
    case 'NEEDS_RESTORE':
      return new ExitError(EXIT.runtime, `${message}: without --plain its key is one RESTORE`);
    case 'TOO_LARGE_FOR_RESTORE':
      return new ExitError(EXIT.runtime, `${message}: --plain makes many commands of it`);
    case 'UNSUPPORTED':
      return new ExitError(EXIT.runtime, message);
    default:
      return undefined;
  }
}
