import { BLANK_ID, isReplicationId } from '@forebay/psync';
import { LogError } from '../errors.ts';
import { checksumLine, FORMAT, serverLines } from './format.ts';
import type { Base, IdSpan, Increment, Manifest, PastSegment, Segment } from './manifest.ts';

/**
 * The inverse of `formatManifest`. Takes nothing else: a server that opened the directory has
 * dropped the `#` lines at its first rewrite, and what it appended is not the primary's stream.
 *
 * @throws {LogError} `FOREIGN`, `NEWER_VERSION`, `CORRUPT`
 */
export function parseManifest(text: string, path: string): Manifest {
  checkFormat(text.split('\n', 1)[0] ?? '', path);
  const lines = checkedLines(text, path);
  const closed = /^# closed (\d+)$/.exec(lines.at(-1) ?? '');
  if (closed !== null) lines.pop();
  const past: PastSegment[] = [];
  for (;;) {
    const header = lines.shift() ?? '';
    const read = pastHeader(header, path);
    if (read !== undefined) {
      past.push({ ...parseSegment(lines, path), ...read });
      continue;
    }
    const number = /^# segment (\d+) live$/.exec(header)?.[1];
    if (number === undefined) throw corrupt(path, `it has ${JSON.stringify(header)} for a segment`);
    const live = { number: safe(number, path), ...parseSegment(lines, path) };
    checkServerLines(live, lines, path);
    return {
      live,
      past,
      ...(closed === null ? {} : { closedSize: safe(closed[1], path) }),
    };
  }
}

/** A server was started in the directory, as far as one can see. */
export function bootedError(path: string, what: string): LogError {
  const message =
    `${path} ${what}: a server has been started in this directory, or it is not ours. ` +
    'Use another directory, and boot servers only from what forebay restore writes';
  return new LogError('FOREIGN', path, message);
}

function checkFormat(line: string, path: string): void {
  const found = /^# forebay-log (\d+)$/.exec(line);
  if (found === null) {
    throw bootedError(path, 'was not written by forebay, or has been rewritten');
  }
  if (Number(found[1]) > FORMAT) {
    const message = `${path} has format ${found[1]}, this version knows ${FORMAT}: use a newer forebay`;
    throw new LogError('NEWER_VERSION', path, message);
  }
}

/** The lines between the first and the checksum. */
function checkedLines(text: string, path: string): string[] {
  const [, before = '', checksum] = /^([\s\S]*\n)(# crc32 [0-9a-f]{8})\n$/.exec(text) ?? [];
  if (checksum === undefined || checksumLine(before) !== checksum) {
    // Some servers keep our comments, and write these among them.
    if (/^file .*( endoffset \d| type h)/m.test(text)) {
      throw bootedError(path, 'has lines that a server writes');
    }
    throw corrupt(path, 'its checksum is of another text');
  }
  return before.split('\n').slice(1, -1);
}

function pastHeader(
  line: string,
  path: string,
): Pick<PastSegment, 'number' | 'by' | 'end' | 'ended' | 'reason'> | undefined {
  const found = /^# segment (\d+) (reset|rewound) end (\d+) at (\d+) reason ([ -~]+)$/.exec(line);
  if (found === null) return undefined;
  const [, number, by, end, ended, reason = ''] = found;
  return {
    number: safe(number, path),
    by: by === 'reset' ? 'reset' : 'rewound',
    end: safe(end, path),
    ended: safe(ended, path),
    reason,
  };
}

function parseSegment(lines: string[], path: string): Omit<Segment, 'number'> {
  const [firstId, ...ids] = takeWhile(lines, (line) => parseId('id', line, path));
  const aliases = takeWhile(lines, (line) => parseId('alias', line, path));
  const bases = takeWhile(lines, (line) => parseBase(line, path));
  const [firstIncrement, ...increments] = takeWhile(lines, (line) => parseIncrement(line, path));
  if (firstId === undefined) throw corrupt(path, 'it names no history');
  if (firstIncrement === undefined) throw corrupt(path, 'it names no increment');
  return { ids: [firstId, ...ids], aliases, bases, increments: [firstIncrement, ...increments] };
}

function takeWhile<T>(lines: string[], parse: (line: string) => T | undefined): T[] {
  const taken: T[] = [];
  for (let each = parse(lines[0] ?? ''); each !== undefined; each = parse(lines[0] ?? '')) {
    taken.push(each);
    lines.shift();
  }
  return taken;
}

function parseId(kind: 'id' | 'alias', line: string, path: string): IdSpan | undefined {
  const found = /^# (id|alias) (\S+) from (\d+)$/.exec(line);
  if (found?.[1] !== kind) return undefined;
  const [, , id = '', from] = found;
  if (!isReplicationId(id) || id === BLANK_ID) throw corrupt(path, `${id} names no history`);
  return { id, from: safe(from, path) };
}

function parseBase(line: string, path: string): Base | undefined {
  const found = /^# base (\S+) seq (\d+) offset (\d+) size (\d+) crc (\d+) at (\d+)$/.exec(line);
  if (found === null) return undefined;
  const [, name, sequence, offset, size, crc, time] = found;
  return {
    name: plainName(name, path),
    sequence: safe(sequence, path),
    offset: safe(offset, path),
    size: safe(size, path),
    crc: safe(crc, path),
    time: safe(time, path),
  };
}

function parseIncrement(line: string, path: string): Increment | undefined {
  const found = /^# increment (\S+) index (\S+) seq (\d+) offset (\d+) database (\d+)$/.exec(line);
  if (found === null) return undefined;
  const [, name, index, sequence, startOffset, database] = found;
  return {
    name: plainName(name, path),
    index: plainName(index, path),
    sequence: safe(sequence, path),
    startOffset: safe(startOffset, path),
    database: safe(database, path),
  };
}

/** The lines for servers say nothing of their own: they follow from those before them. */
function checkServerLines(live: Segment, lines: readonly string[], path: string): void {
  if (live.bases.length === 0) throw corrupt(path, 'it names no base');
  const expected = serverLines(live);
  const odd = lines.findIndex((line, i) => line !== expected[i]);
  const found = odd === -1 ? lines[expected.length] : lines[odd];
  if (odd === -1 && lines.length === expected.length) return;
  throw corrupt(path, `it has ${JSON.stringify(found ?? '')} where a line for servers belongs`);
}

/** A name that leads out of the directory is refused: a manifest may have been edited by hand. */
function plainName(name: string | undefined, path: string): string {
  if (name === undefined || !/^[\w.-]+$/.test(name) || name.startsWith('.')) {
    throw corrupt(path, `${JSON.stringify(name)} is not a file name`);
  }
  return name;
}

function safe(digits: string | undefined, path: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw corrupt(path, `${digits} is out of range`);
  return value;
}

function corrupt(path: string, what: string): LogError {
  const message = `${path} cannot be used: ${what}. It was changed or damaged: put a copy of it back`;
  return new LogError('CORRUPT', path, message);
}
