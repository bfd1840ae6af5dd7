import { resolve } from 'node:path';
import type { CursorInventory, Inventory, LogCopy, SegmentInventory } from '@forebay/log';
import { copyLog, inspect, LogError, nodeDisk } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import { Command } from 'commander';
import { EXIT, ExitError } from '../exit.ts';
import { print } from '../output/output.ts';
import { refuseInsideLog } from '../output/outside-logs.ts';
import { startOf, withPositions } from '../output/positions.ts';
import type { Row } from '../output/table.ts';
import { aligned } from '../output/table.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import { stopSignal } from './stop-signal.ts';

interface LogFlags {
  readonly copy?: string;
  readonly json?: boolean;
}

const HELP = `
A range of offsets is of the stream after the first of them, up to the second. Times are those of
arrival. A position names its last byte: restore --at includes the command that ends there, and tail --since
begins after it. In the JSON, start and end of a segment and position of a base are such positions, ready for
--at and --since. The log may be written to meanwhile; nothing in DIR is locked, written or checked.

--copy writes a backup of the log with its cursors, also while the daemon runs. check, restore and the daemon
open it as any other log. OUT must be empty or not exist. On the same file system, bases are hard links: a disk
that loses them loses both. A copy that fails or is stopped leaves nothing that can be taken for a log.

Exit codes: 0 done; 1 --copy was stopped; 64 usage; 74 the disk, or a log that is damaged; 78 DIR holds no log,
or OUT is not empty.`;

/** `forebay log`: what is held, or a copy of it. */
export function logCommand(reporter: Reporter): Command {
  return new Command('log')
    .description('List what is held (histories, bases, files, times, cursors, size), or copy it.')
    .argument('<dir>', 'where the log is kept')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option(
      '--copy <out>',
      'write a consistent copy of the log to this directory, and list nothing',
    )
    .option('--json', 'print one JSON object; its times are milliseconds since 1970')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (directory: string, { copy, json = false }: LogFlags) => {
      if (directory === '') throw new ExitError(EXIT.usage, 'DIR names no directory');
      if (copy !== undefined) return copyTo(directory, copy, json, reporter);
      const inventory = await inspect(nodeDisk, directory);
      await print([json ? JSON.stringify(withPositions(inventory), null, 2) : textOf(inventory)]);
    });
}

async function copyTo(directory: string, out: string, json: boolean, reporter: Reporter) {
  if (out === '') throw new ExitError(EXIT.usage, '--copy names no directory');
  await refuseInsideLog(out);
  const signal = stopSignal();
  const since = performance.now();
  const onProgress = (progress: { read: number; total: number }) => {
    reporter.transfer(progress, since);
  };
  try {
    const copied = await copyLog(nodeDisk, directory, out, { onProgress, signal });
    reporter.clear();
    for (const { file, what } of copied.notInCopy ?? []) {
      reporter.trouble(`left out of the copy: ${file}: ${what}`);
    }
    await print([json ? jsonOf(copied, out) : lineOf(copied, out)]);
  } catch (error) {
    if (!signal.aborted || error instanceof LogError) throw error;
    throw new ExitError(EXIT.runtime, `stopped: nothing was left in ${out}`, error);
  }
}

function jsonOf({ position, ...copied }: LogCopy, out: string): string {
  const directory = resolve(out);
  return JSON.stringify({ directory, position: formatPosition(position), ...copied }, null, 2);
}

function lineOf({ position, bytes, linked, files }: LogCopy, out: string): string {
  const shared = linked === 0 ? '' : ` (${formatBytes(linked)} of them hard links)`;
  const size = `${formatBytes(bytes)}${shared} in ${files} files`;
  return `copied to ${resolve(out)}: up to ${formatPosition(position)}, ${size}`;
}

/** An inventory as a person reads it. */
function textOf(inventory: Inventory): string {
  const { directory, files, bytes, free, segments, cursors } = inventory;
  const total = `${directory}: ${files} files, ${formatBytes(bytes)}; ${formatBytes(free)} free`;
  const blocks = segments.map((each) => [titleOf(each), ...aligned(rowsOf(each))]);
  const readers = aligned(cursors.map(cursorRow));
  blocks.push(readers.length === 0 ? ['no cursors'] : ['cursors', ...readers]);
  return [[total], ...blocks].map((lines) => lines.join('\n')).join('\n\n');
}

function titleOf({ number, state, ended, reason, bytes }: SegmentInventory): string {
  const size = formatBytes(bytes);
  if (state === 'live') return `segment ${number}, live, ${size}`;
  const how = state === 'replaced' ? 'replaced by a full resync' : 'rewound';
  return `segment ${number}, ${how} ${dateOf(ended)}, ${size} (${reason})`;
}

function rowsOf(segment: SegmentInventory): Row[] {
  const { ids, to, first, last, bases, increments } = segment;
  const id = ids.at(-1)?.id ?? '';
  return [
    ['from', startOf(segment)],
    ['to', formatPosition({ id, offset: to })],
    ['time', timesOf(first, last)],
    ...ids.map((each): Row => ['id', each.id, `after ${each.from}`]),
    ...bases.map(
      ({ file, offset, bytes, time }): Row => [
        'base',
        file,
        `at ${offset}`,
        sizeOf(bytes),
        `taken ${dateOf(time)}`,
      ],
    ),
    ...increments.map(
      (each): Row => [
        'stream',
        each.file,
        `${each.from} to ${each.to}`,
        sizeOf(each.bytes),
        timesOf(each.first, each.last),
      ],
    ),
  ];
}

function cursorRow({ name, position, state, behind }: CursorInventory): Row {
  const where = position === undefined ? 'cannot be read' : formatPosition(position);
  return [name, where, STATES[state], behind === undefined ? '' : `${formatBytes(behind)} behind`];
}

const STATES: Readonly<Record<CursorInventory['state'], string>> = {
  readable: 'readable',
  rewound: 'goes on where the stream was rewound to',
  ahead: 'waits for what it has read before',
  lost: 'lost: what comes next is not held',
  damaged: 'damaged',
};

function sizeOf(bytes: number | undefined): string {
  return bytes === undefined ? 'not there' : formatBytes(bytes);
}

function timesOf(first: number | undefined, last: number | undefined): string {
  return first === undefined && last === undefined
    ? 'not known'
    : `${dateOf(first)} to ${dateOf(last)}`;
}

function dateOf(time: number | undefined): string {
  return time === undefined ? 'not known' : new Date(time).toISOString();
}
