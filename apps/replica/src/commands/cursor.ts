import type { CursorInventory, Inventory } from '@forebay/log';
import { inspect, LogError, LogView, nodeDisk } from '@forebay/log';
import type { Position } from '@forebay/psync';
import { formatPosition, parsePosition } from '@forebay/psync';
import { Command } from 'commander';
import { EXIT, ExitError } from '../exit.ts';
import { formatDuration } from '../output/duration.ts';
import { print } from '../output/output.ts';
import { shellWord } from '../output/shell-word.ts';
import type { Row } from '../output/table.ts';
import { aligned } from '../output/table.ts';
import { formatBytes } from '../reporter.ts';

const HELP = `
A cursor is the durable position of a consumer (forebay tail --cursor NAME). The daemon keeps the data after a
cursor, up to --max-disk. These commands work while the daemon runs and while it is stopped.

Exit codes: 0 done; 1 there is no cursor of that name (rm), or its position was deleted meanwhile (set); 64 usage,
or a position that is not held; 74 the disk, or a damaged log; 78 DIR holds no log.`;

const LIST_HELP = `
STATE is readable; rewound (continues at the position of a step back); ahead (waits until the log reaches the
position); lost (the next bytes were deleted); or damaged. LAG is in bytes of the stream, AGE is the time since the
next byte arrived; - means unknown. A cursor whose name ends in ~ belongs to a tail --snapshot that has not finished
its snapshot. With --json times are milliseconds since 1970.`;

const SET_HELP = `
POSITION is <id>:<offset>, start (the oldest position without a break to the end) or end. The cursor is created,
or moved forwards or back. Stop its consumer first: a running consumer overwrites the position with its own.

  forebay cursor set search-index start --dir data`;

interface DirFlag {
  readonly dir: string;
}

/** `forebay cursor`: the positions of consumers. */
export function cursorCommand(): Command {
  const cursor = new Command('cursor')
    .description('List, set and remove cursors: the durable positions of consumers.')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .addHelpText('after', HELP);
  const add = (name: string, description: string) => {
    const command = new Command(name)
      .description(description)
      .helpOption('--help', 'show this text')
      .requiredOption('--dir <dir>', 'where the log is kept')
      .allowExcessArguments(false)
      .copyInheritedSettings(cursor);
    cursor.addCommand(command);
    return command;
  };
  add('list', 'List cursors with position, state, lag and age.')
    .option('--json', 'print one JSON array')
    .addHelpText('after', LIST_HELP)
    .action(list);
  add('set', 'Create a cursor, or move it.')
    .argument('<name>', 'the cursor')
    .argument('<position>', '<id>:<offset>, start or end')
    .addHelpText('after', SET_HELP)
    .action(set);
  add('rm', 'Remove a cursor. The log no longer keeps data for it.')
    .argument('<name>', 'the cursor')
    .action(remove);
  return cursor;
}

/** Advice for a lost cursor: the commands that move and remove it. */
export function lostCursorAdvice(name: string, directory: string): string {
  const [cursor, at] = [shellWord(name), `--dir ${shellWord(directory)}`];
  return `"forebay cursor set ${cursor} POSITION ${at}" moves the cursor, "forebay cursor rm ${cursor} ${at}" removes it`;
}

async function list({ dir, json = false }: DirFlag & { readonly json?: boolean }): Promise<void> {
  const { cursors } = await inventoryOf(dir);
  const now = Date.now();
  if (json)
    await print([
      JSON.stringify(
        cursors.map((each) => objectOf(each, now)),
        null,
        2,
      ),
    ]);
  else if (cursors.length === 0) await print(['no cursors']);
  else await print(aligned(cursorRows(cursors, now), [3, 4]).map((line) => line.trimStart()));
}

async function set(name: string, text: string, { dir }: DirFlag): Promise<void> {
  const inventory = await inventoryOf(dir);
  const position = positionOf(text, inventory);
  await using view = await LogView.open(dir);
  try {
    await view.setCursor(name, position);
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw usageOf(error);
    const { start, end } = endsOf(inventory);
    const held = `${formatPosition(start)} (start) to ${formatPosition(end)} (end) are held`;
    throw new ExitError(EXIT.usage, `${error.message}: ${held}`, error);
  }
  // The daemon may have dropped it between the look at the log and the moment at which the cursor was there.
  const { cursors } = await inventoryOf(dir);
  if (cursors.find((each) => each.name === name)?.state !== 'lost') return;
  throw new ExitError(EXIT.runtime, `cursor ${name}: ${text} was deleted by the daemon meanwhile`);
}

async function remove(name: string, { dir }: DirFlag): Promise<void> {
  await inventoryOf(dir);
  await using view = await LogView.open(dir);
  const was = await view.removeCursor(name).catch((error: unknown) => {
    throw usageOf(error);
  });
  if (!was) throw new ExitError(EXIT.runtime, `${dir} has no cursor ${name}`);
}

/** Rows of a table of cursors, the titles first. */
export function cursorRows(cursors: readonly CursorInventory[], now: number): Row[] {
  const rows = cursors.map(({ name, position, state, behind, next }): Row => {
    const age = ageOf(behind, next, now);
    return [
      name,
      position === undefined ? '-' : formatPosition(position),
      state,
      behind === undefined ? '-' : formatBytes(behind),
      age === undefined ? '-' : formatDuration(age),
    ];
  });
  return [['NAME', 'POSITION', 'STATE', 'LAG', 'AGE'], ...rows];
}

function objectOf({ name, position, state, behind, next }: CursorInventory, now: number): object {
  return {
    name,
    position: position === undefined ? null : formatPosition(position),
    state,
    behind: behind ?? null,
    next: next ?? null,
    age: ageOf(behind, next, now) ?? null,
  };
}

/** Seconds since the next byte arrived; 0 where there is none to read. */
function ageOf(
  behind: number | undefined,
  next: number | undefined,
  now: number,
): number | undefined {
  if (behind === 0) return 0;
  return next === undefined ? undefined : Math.max(0, now - next) / 1000;
}

function inventoryOf(directory: string): Promise<Inventory> {
  if (directory === '') throw new ExitError(EXIT.usage, '--dir names no directory');
  return inspect(nodeDisk, directory);
}

/** @throws {ExitError} usage */
function positionOf(text: string, inventory: Inventory): Position {
  if (text === 'start' || text === 'end') return endsOf(inventory)[text];
  try {
    return parsePosition(text);
  } catch (error) {
    const message = `${JSON.stringify(text)} is not a position: give <id>:<offset>, start or end`;
    throw new ExitError(EXIT.usage, message, error);
  }
}

function endsOf({ segments }: Inventory): Record<'start' | 'end', Position> {
  const { ids, from, to } = segments.at(-1)!;
  const id = ids.at(-1)!.id;
  const first = ids.findLast((each) => each.from <= from)?.id ?? id;
  return { start: { id: first, offset: from }, end: { id, offset: to } };
}

function usageOf(error: unknown): unknown {
  const isName = error instanceof LogError && error.code === 'MISUSE';
  return isName ? new ExitError(EXIT.usage, error.message, error) : error;
}
