import type { History } from '@forebay/psync';
import { BLANK_ID, isReplicationId } from '@forebay/psync';
import { LogError } from './errors.ts';

/** The directory inside of the data directory, and the name its files begin with, as servers name them. */
export const APPEND_DIRECTORY = 'appendonlydir';
export const MANIFEST_NAME = 'appendonly.aof.manifest';

/** One file of verbatim stream. */
export interface Increment {
  readonly name: string;
  readonly sequence: number;
  /** Offset of the last byte of the stream before this file's first. */
  readonly startOffset: number;
  /** The database selected there: the file begins with a SELECT of it, which no offset counts. */
  readonly database: number;
}

/** The one commit point: what the log is, in the form of a multi-part append-only directory. */
export interface Manifest {
  readonly history: History;
  readonly base: { readonly name: string; readonly sequence: number };
  /** At least one, in the order of the stream; the base stands at the start offset of the first. */
  readonly increments: readonly [Increment, ...Increment[]];
  /**
   * Bytes of the last increment at a clean close; undefined while it is written to. A server that
   * was booted in the directory has appended to it, and may have left the manifest as it was.
   */
  readonly closedSize?: number;
}

const FORMAT_LINE = '# forebay-log';
const FORMAT = 1;

/** The increment that is appended to. */
export function lastIncrement({ increments }: Manifest): Increment {
  return increments.at(-1) ?? increments[0];
}

export function baseName(sequence: number): string {
  return `appendonly.aof.${sequence}.base.rdb`;
}

export function incrementName(sequence: number): string {
  return `appendonly.aof.${sequence}.incr.aof`;
}

/**
 * The manifest as text. What servers have no field for stands in `#` lines, which they skip; the
 * start offset is their own field (Redis 8). A blank line would make them refuse to boot
 * (`aof.c: aofLoadManifestFromFile`).
 */
export function formatManifest({ history, base, increments, closedSize }: Manifest): string {
  const lines = [
    `${FORMAT_LINE} ${FORMAT}`,
    `# history ${history.id} ${history.secondId} ${history.secondIdLimit}`,
    `file ${base.name} seq ${base.sequence} type b`,
  ];
  for (const { name, sequence, startOffset, database } of increments) {
    lines.push(`# increment ${sequence} database ${database}`);
    lines.push(`file ${name} seq ${sequence} type i startoffset ${startOffset}`);
  }
  if (closedSize !== undefined) lines.push(`# closed ${closedSize}`);
  return `${lines.join('\n')}\n`;
}

/**
 * The inverse of `formatManifest`. Takes nothing else: a server that opened the directory has
 * dropped the `#` lines at its first rewrite, and what it appended is not the primary's stream.
 *
 * @throws {LogError} `FOREIGN`, `NEWER_VERSION`, `CORRUPT`
 */
export function parseManifest(text: string, path: string): Manifest {
  const lines = text.split('\n');
  checkFormat(lines.shift() ?? '', path);
  if (lines.pop() !== '') throw corrupt(path, 'it does not end with a line end');
  const history = parseHistory(lines.shift() ?? '', path);
  const base = /^file (\S+) seq (\d+) type b$/.exec(lines.shift() ?? '');
  if (base === null) throw corrupt(path, 'it names no base');
  const closed = /^# closed (\d+)$/.exec(lines.at(-1) ?? '');
  if (closed !== null) lines.pop();
  const increments: Increment[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    increments.push(parseIncrement(lines[i] ?? '', lines[i + 1] ?? '', path));
  }
  const [first, ...others] = increments;
  if (first === undefined) throw corrupt(path, 'it names no increment');
  return {
    history,
    base: { name: plainName(base[1], path), sequence: safe(base[2], path) },
    increments: [first, ...others],
    ...(closed === null ? {} : { closedSize: safe(closed[1], path) }),
  };
}

/** A server was started in the directory, as far as one can see. */
export function bootedError(path: string, what: string): LogError {
  const message =
    `${path} ${what}: a server has been started in this directory, or it is not ours. ` +
    'Use another directory, and boot servers only from copies';
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

function parseHistory(line: string, path: string): History {
  const [, id = '', secondId = '', limit] = /^# history (\S+) (\S+) (-1|\d+)$/.exec(line) ?? [];
  if (!isReplicationId(id) || id === BLANK_ID || !isReplicationId(secondId))
    throw corrupt(path, 'it names no history');
  const secondIdLimit = secondId === BLANK_ID ? -1 : safe(limit, path);
  return { id, secondId, secondIdLimit };
}

function parseIncrement(comment: string, file: string, path: string): Increment {
  const [, commented, database] = /^# increment (\d+) database (\d+)$/.exec(comment) ?? [];
  const [, name, sequence, startOffset] =
    /^file (\S+) seq (\d+) type i startoffset (\d+)$/.exec(file) ?? [];
  if (commented === undefined || commented !== sequence) {
    throw corrupt(path, `it does not describe an increment in ${JSON.stringify(comment || file)}`);
  }
  return {
    name: plainName(name, path),
    sequence: safe(sequence, path),
    startOffset: safe(startOffset, path),
    database: safe(database, path),
  };
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
  return new LogError('CORRUPT', path, `${path} cannot be used: ${what}`);
}
