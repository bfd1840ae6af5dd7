import type { Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import type { RdbElement } from '@forebay/rdb';
import { payloadElements, RdbError } from '@forebay/rdb';
import type { Piece } from '@forebay/rdb/json';
import { JsonValue } from '@forebay/rdb/json';
import type { Change, FeedItem, SnapshotKey } from './change.ts';
import { FeedError } from './errors.ts';
import { jsonOf, lineValueOf, longPieces, STEP } from './json-text.ts';
import { nameOf } from './key-name.ts';

/** A change of no more bytes of arguments is a line in one piece. */
const SMALL = 1024 * 1024;

/**
 * An item as one line of JSON, without its newline. A change has the fields `v`, `offset`, `id`, `db`,
 * `cmd`, `keys` (null where they are not known), `args`, `tx` (null outside of a transaction) and `time`
 * (ISO 8601, absent where it is not known); other items have a `type`. It has to fit into a string, of about 500 million characters: `linePieces` need not.
 *
 * @throws {FeedError} `SNAPSHOT`
 */
export function formatLine(item: FeedItem): string {
  let line = '';
  for (const piece of linePieces(item)) line += piece;
  return line;
}

/**
 * The same in pieces, so that neither a large value nor its line has to be in memory twice.
 *
 * @throws {FeedError} `SNAPSHOT` where the value of a key is damaged: lines before are whole
 */
export function linePieces(item: FeedItem): Iterable<string> {
  const { v, type } = item;
  switch (type) {
    case 'change':
      return bytesIn(item.args) <= SMALL ? [changeLine(item)] : gathered(changePieces(item));
    case 'reset':
      return [JSON.stringify({ v, type, ...placesOf(item), reason: item.reason, ...timeOf(item) })];
    case 'rewound':
      return [JSON.stringify({ v, type, ...placesOf(item), ...timeOf(item) })];
    case 'snapshot': {
      const at = item.at === undefined ? null : formatPosition(item.at);
      return [JSON.stringify({ v, type, at, reason: item.reason, ...timeOf(item) })];
    }
    case 'function':
      return [JSON.stringify({ v, type, code: lineValueOf(item.code) })];
    case 'key':
      return shortLine(item) ?? gathered(keyPieces(item));
    case 'snapshot-end':
      return [JSON.stringify({ v, type, at: formatPosition(item.at) })];
  }
}

/** Put together by hand, each argument once: twice as fast as an object that is made for it. */
function changeLine(change: Change): string {
  const { keys, args } = change;
  const values = args.map(jsonOf);
  const names = keys === undefined ? 'null' : `[${listed(keysAmong(keys, args, values))}]`;
  return `${headOf(change)}${names},"args":[${listed(values)}]${tailOf(change)}`;
}

function* changePieces(change: Change): Generator<Piece, void, void> {
  const { keys, args } = change;
  yield headOf(change);
  if (keys === undefined) yield 'null';
  else yield* listPieces(keys);
  yield ',"args":';
  yield* listPieces(args);
  yield tailOf(change);
}

function headOf({ v, offset, id, database, command }: Change): string {
  const cmd = JSON.stringify(command);
  return `{"v":${v},"offset":${offset},"id":"${id}","db":${database},"cmd":${cmd},"keys":`;
}

function tailOf({ tx, time }: Change): string {
  const mark = tx === undefined ? 'null' : JSON.stringify(tx);
  return time === undefined ? `,"tx":${mark}}` : `,"tx":${mark},"time":"${dateOf(time)}"}`;
}

function timeOf({ time }: { readonly time?: number | undefined }): { readonly time?: string } {
  return time === undefined ? {} : { time: dateOf(time) };
}

/** What was asked for last: changes come many at a time. */
let dated = { time: Number.NaN, text: '' };

function dateOf(time: number): string {
  if (time !== dated.time) dated = { time, text: new Date(time).toISOString() };
  return dated.text;
}

/** As `forebay rdb json` has it, and with a type that tells it from a change. */
function* keyPieces(key: SnapshotKey): Generator<Piece, void, void> {
  const value = new JsonValue();
  yield keyHead(key);
  yield key.key;
  yield keyTail(key) + value.begin(key.dataType);
  for (const element of elementsOf(key)) yield* value.piecesOf(element);
  yield `${value.end()}}`;
}

/** The same at once, where that is short: a third of the time. */
function shortLine(key: SnapshotKey): readonly [string] | undefined {
  if (key.payload.length + key.key.length > STEP) return undefined;
  const value = new JsonValue();
  let line = keyHead(key) + jsonOf(key.key) + keyTail(key) + value.begin(key.dataType);
  for (const element of elementsOf(key)) {
    for (const piece of value.piecesOf(element)) {
      // What is compressed may be much all the same.
      if (line.length + piece.length > STEP) return undefined;
      line += typeof piece === 'string' ? piece : jsonOf(piece);
    }
  }
  return [`${line}${value.end()}}`];
}

function keyHead({ v, database }: SnapshotKey): string {
  return `{"v":${v},"type":"key","db":${database},"key":`;
}

function keyTail({ dataType, encoding, expiresAt, idle, frequency }: SnapshotKey): string {
  let tail = `,"dataType":"${dataType}","encoding":"${encoding}"`;
  if (expiresAt !== undefined) tail += `,"expiresAt":${expiresAt}`;
  if (idle !== undefined) tail += `,"idle":${idle}`;
  if (frequency !== undefined) tail += `,"frequency":${frequency}`;
  return `${tail},"value":`;
}

/** @throws {FeedError} `SNAPSHOT` */
function* elementsOf(key: SnapshotKey): Generator<RdbElement, void, void> {
  try {
    // The decoder made it, of bytes whose own checksum it compares.
    yield* payloadElements(key.payload, { verify: false });
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    const message = `${nameOf(key)} cannot be read: ${error.message}`;
    throw new FeedError('SNAPSHOT', message, { cause: error });
  }
}

/** The values of keys: they are among the arguments, in the order of these. */
function keysAmong(
  keys: readonly Uint8Array[],
  args: readonly Uint8Array[],
  values: readonly string[],
): string[] {
  let at = -1;
  return keys.map((key) => {
    at = args.indexOf(key, at + 1);
    return values[at] ?? jsonOf(key);
  });
}

function listed(values: readonly string[]): string {
  let list = '';
  for (const value of values) list += list === '' ? value : `,${value}`;
  return list;
}

function* listPieces(values: readonly Uint8Array[]): Generator<Piece, void, void> {
  yield '[';
  for (const [i, value] of values.entries()) {
    if (i > 0) yield ',';
    yield value;
  }
  yield ']';
}

/** Puts what is short together, and takes apart what is long. */
function* gathered(pieces: Iterable<Piece>): Generator<string, void, void> {
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece;
    else if (piece.length <= STEP) text += jsonOf(piece);
    else {
      yield text;
      text = '';
      yield* longPieces(piece);
    }
    if (text.length < STEP) continue;
    yield text;
    text = '';
  }
  yield text;
}

function bytesIn(values: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of values) bytes += length;
  return bytes;
}

function placesOf({ from, to }: { from: Position; to: Position }): { from: string; to: string } {
  return { from: formatPosition(from), to: formatPosition(to) };
}
