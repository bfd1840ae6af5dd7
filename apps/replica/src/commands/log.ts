import type { CursorInventory, Inventory, SegmentInventory } from '@forebay/log';
import { inspect, nodeDisk } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import { Command } from 'commander';
import { EXIT, ExitError } from '../exit.ts';
import { print } from '../output/output.ts';
import { startOf, withPositions } from '../output/positions.ts';
import type { Row } from '../output/table.ts';
import { aligned } from '../output/table.ts';
import { formatBytes } from '../reporter.ts';

interface LogFlags {
  readonly json?: boolean;
}

const HELP = `
A range of offsets is of the stream after the first of them, up to the second. Times are those of
arrival. A position names its last byte: restore --at includes the command that ends there, and tail --since
begins after it. In the JSON, start and end of a segment and position of a base are such positions, ready for
--at and --since. The log may be written to meanwhile; nothing is locked, written or checked.

Exit codes: 0 done; 64 usage; 74 the disk, or a manifest that is damaged; 78 DIR holds no log.`;

/** `forebay log`: what is held. */
export function logCommand(): Command {
  return new Command('log')
    .description('List what is held: histories, bases, files, times, cursors, size.')
    .argument('<dir>', 'where the log is kept')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('--json', 'print one JSON object; its times are milliseconds since 1970')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (directory: string, { json = false }: LogFlags) => {
      if (directory === '') throw new ExitError(EXIT.usage, 'DIR names no directory');
      const inventory = await inspect(nodeDisk, directory);
      await print([json ? JSON.stringify(withPositions(inventory), null, 2) : textOf(inventory)]);
    });
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
        ...['base', file, `at ${offset}`],
        ...[sizeOf(bytes), `taken ${dateOf(time)}`],
      ],
    ),
    ...increments.map(
      (each): Row => [
        ...['stream', each.file, `${each.from} to ${each.to}`],
        ...[sizeOf(each.bytes), timesOf(each.first, each.last)],
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
