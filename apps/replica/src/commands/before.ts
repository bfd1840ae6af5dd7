import type { FoundCommand } from '@forebay/feed';
import { findCommands } from '@forebay/feed';
import type { Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import { EXIT, ExitError } from '../exit.ts';
import { print } from '../output/output.ts';
import { aligned } from '../output/table.ts';

export interface BeforeFlags {
  /** The name of a command. */
  readonly before: string;
  readonly match?: readonly string[];
  readonly last?: boolean;
}

/** Where a restore that leaves a command out ends, and a line about the command. */
export interface Before {
  readonly position: Position;
  readonly text: string;
}

/**
 * The place before a command. Where there are several the newest are printed, with their times and positions.
 *
 * @throws {ExitError} usage where there is none, or several and not the last is asked for
 * @throws {FeedError}
 */
export async function placeBefore(
  directory: string,
  { before, match, last = false }: BeforeFlags,
  signal: AbortSignal,
): Promise<Before> {
  const filter = match === undefined ? {} : { match };
  const options = { dir: directory, command: before, ...filter, last, signal };
  const found = await findCommands(options).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new ExitError(EXIT.runtime, `stopped: ${directory} was searched only in part`, error);
  });
  const name = before.toUpperCase();
  const newest = found.newest.at(-1);
  if (newest === undefined) throw new ExitError(EXIT.usage, noneMessage(name, match, directory));
  if (found.count === 1 || last) {
    return { position: newest.before, text: `${name} ${placeOf(newest)}` };
  }
  const earlier = found.count - found.newest.length;
  const note = earlier === 0 ? [] : [`  (${earlier} earlier positions not shown)`];
  await print([...note, ...aligned(found.newest.map((each) => rowOf(name, each)))]);
  const message =
    `${name} is at ${found.count} positions in ${directory}: give --last for the newest, ` +
    `${match === undefined ? '--match KEY to narrow the search, ' : ''}or --at with one of these positions`;
  throw new ExitError(EXIT.usage, message);
}

function rowOf(name: string, found: FoundCommand): string[] {
  const { before, time, database, count } = found;
  const times = count === 1 ? '' : `${count} in one transaction`;
  const cells = [new Date(time).toISOString(), name, `db ${database}`, formatPosition(before)];
  return [...cells, times];
}

function placeOf({ at, time, database }: FoundCommand): string {
  return `at ${formatPosition(at)}, db ${database}, of ${new Date(time).toISOString()}`;
}

function noneMessage(name: string, match: readonly string[] | undefined, directory: string) {
  const keys = match === undefined ? '' : ` on ${match.join(' or ')}`;
  return (
    `no ${name}${keys} in the restorable range of ${directory}. The stream holds the effects of ` +
    'commands: a script appears as the commands that it calls, EXPIRE as PEXPIREAT (since Redis 7), ' +
    'an expired key as DEL or UNLINK. forebay tail --dir prints the stream'
  );
}
