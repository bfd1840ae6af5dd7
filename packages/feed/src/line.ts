import { isUtf8 } from 'node:buffer';
import type { Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import type { RdbElement } from '@forebay/rdb';
import { payloadElements, RdbError } from '@forebay/rdb';
import type { Change, FeedItem, SnapshotKey } from './change.ts';
import { FeedError } from './errors.ts';
import type { Piece } from './json-value.ts';
import { JsonValue } from './json-value.ts';

/** Text as it is, and bytes that are no text by their base64: an object is never taken for text. */
export type LineValue = string | { readonly base64: string };

/** A change of no more bytes of arguments is a line in one piece. */
const SMALL = 1024 * 1024;
/** What is made text of at once, where it is much: a multiple of three, as base64 is of. */
const STEP = 48 * 1024;

/**
 * An item as one line of JSON, without its newline. A change has the fields `v`, `offset`, `id`, `db`,
 * `cmd`, `keys` (null where they are not known), `args` and `tx` (null outside of a transaction); other
 * items have a `type`. It has to fit into a string, of about 500 million characters: `linePieces` need not.
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
      return [JSON.stringify({ v, type, ...placesOf(item), reason: item.reason })];
    case 'rewound':
      return [JSON.stringify({ v, type, ...placesOf(item) })];
    case 'snapshot': {
      const at = item.at === undefined ? null : formatPosition(item.at);
      return [JSON.stringify({ v, type, at, reason: item.reason })];
    }
    case 'function':
      return [JSON.stringify({ v, type, code: lineValueOf(item.code) })];
    case 'key':
      return gathered(keyPieces(item));
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

function tailOf({ tx }: Change): string {
  return `,"tx":${tx === undefined ? 'null' : JSON.stringify(tx)}}`;
}

/** As `forebay rdb json` has it, and with a type that tells it from a change. */
function* keyPieces(key: SnapshotKey): Generator<Piece, void, void> {
  const { v, database, dataType, encoding, expiresAt, idle, frequency } = key;
  const about = JSON.stringify({ dataType, encoding, expiresAt, idle, frequency }).slice(1, -1);
  const value = new JsonValue();
  yield `{"v":${v},"type":"key","db":${database},"key":`;
  yield key.key;
  yield `,${about},"value":${value.begin(dataType)}`;
  for (const element of elementsOf(key)) yield* value.piecesOf(element);
  yield `${value.end()}}`;
}

/** @throws {FeedError} `SNAPSHOT` */
function* elementsOf({ key, database, payload }: SnapshotKey): Generator<RdbElement, void, void> {
  try {
    yield* payloadElements(payload);
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    const name = JSON.stringify(Buffer.from(key).toString('latin1', 0, 100));
    const message = `key ${name} of database ${database} cannot be read: ${error.message}`;
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

/** What is no longer than this is looked at byte by byte: it is shorter than the way to the system's own. */
const SHORT = 200;

/** Bytes are text where they are UTF-8: written as such they are the same bytes again. */
export function lineValueOf(bytes: Uint8Array): LineValue {
  const buffer = bufferOf(bytes);
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') };
}

function jsonOf(bytes: Uint8Array): string {
  if (bytes.length > SHORT || !isPlain(bytes)) return JSON.stringify(lineValueOf(bytes));
  return `"${bufferOf(bytes).toString('latin1')}"`;
}

function* longPieces(bytes: Uint8Array): Generator<string, void, void> {
  const buffer = bufferOf(bytes);
  const isText = isUtf8(buffer);
  yield isText ? '"' : '{"base64":"';
  for (let at = 0, next: number; at < buffer.length; at = next) {
    next = Math.min(at + STEP, buffer.length);
    if (isText) next = characterStart(buffer, next);
    const step = buffer.subarray(at, next);
    yield isText ? JSON.stringify(step.toString('utf8')).slice(1, -1) : step.toString('base64');
  }
  yield isText ? '"' : '"}';
}

/** The first place from `at` backwards at which a character begins, or all ends. */
function characterStart(text: Uint8Array, at: number): number {
  let start = at;
  while (start < text.length && (text[start]! & 0xc0) === 0x80) start--;
  return start;
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Whether all are printable ASCII that JSON writes as it is. */
function isPlain(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false;
  }
  return true;
}
