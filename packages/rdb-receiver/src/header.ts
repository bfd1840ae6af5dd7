import { RdbReceiverError } from './errors.ts';
import { MARK_LENGTH } from './mark-search.ts';

/** The longest line that is read where a header is due, in bytes, its line end not counted. */
export const MAX_HEADER_LENGTH = 1023;

/** What the line before a payload says (`replication.c: readSyncBulkPayload`). */
export type Header =
  | { readonly type: 'keepalive' }
  | { readonly type: 'counted'; readonly length: number }
  | { readonly type: 'marked'; readonly mark: Uint8Array }
  | { readonly type: 'refused'; readonly line: string };

const DOLLAR = 0x24;
const MINUS = 0x2d;
const CR = 0x0d;
const EOF_PREFIX = '$EOF:';

/**
 * Reads one line, given without its newline. A carriage return at its end is dropped, and may be
 * missing, as the servers' own reading of lines has it (`syncio.c: syncReadLine`).
 *
 * @param maxLength the largest payload to accept, in bytes
 * @throws {RdbReceiverError} `BAD_HEADER`, `LENGTH_OUT_OF_RANGE`, `EMPTY_PAYLOAD`
 */
export function parseHeader(lineAndReturn: Uint8Array, maxLength: number): Header {
  const line = lineAndReturn.at(-1) === CR ? lineAndReturn.subarray(0, -1) : lineAndReturn;
  if (line.length === 0) return { type: 'keepalive' };
  const text = String.fromCharCode(...line);
  if (line[0] === MINUS) return { type: 'refused', line: text };
  if (line[0] !== DOLLAR) throw badHeader(text, 'neither a length nor a mark');
  if (text.startsWith(EOF_PREFIX)) return { type: 'marked', mark: markOf(line, text) };
  return { type: 'counted', length: lengthOf(text, maxLength) };
}

/** A copy: the line may be a view of bytes that do not last (and `slice` of a Buffer is no copy). */
function markOf(line: Uint8Array, text: string): Uint8Array {
  const mark = new Uint8Array(line.subarray(EOF_PREFIX.length));
  if (mark.length === MARK_LENGTH) return mark;
  throw badHeader(text, `a mark of ${mark.length} bytes where ${MARK_LENGTH} are due`);
}

/**
 * A length of 0 is refused: no RDB is shorter than its header, and an empty file would replace one
 * that holds a data set.
 */
function lengthOf(text: string, maxLength: number): number {
  const digits = text.slice(1);
  if (/^-\d+$/.test(digits)) throw outOfRange(text, maxLength);
  if (!/^\d+$/.test(digits)) throw badHeader(text, 'neither a length nor a mark');
  const length = Number(digits);
  if (length > maxLength) throw outOfRange(text, maxLength);
  if (length === 0) {
    throw new RdbReceiverError('EMPTY_PAYLOAD', 'a payload of 0 bytes is announced', {
      line: text,
    });
  }
  return length;
}

function badHeader(line: string, reason: string): RdbReceiverError {
  const message = `a payload header is due, and ${quoted(line)} is none: ${reason}`;
  return new RdbReceiverError('BAD_HEADER', message, { line });
}

function outOfRange(line: string, maxLength: number): RdbReceiverError {
  const message = `the payload length of ${quoted(line)} is outside of 1 to ${maxLength}`;
  return new RdbReceiverError('LENGTH_OUT_OF_RANGE', message, { line });
}

/** The line as one short printable piece of a message. */
function quoted(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 77)}...` : line);
}
