import { Crc64 } from '../bytes/crc64.ts';
import { Cursor, DEFAULT_MAX_LENGTH } from '../bytes/cursor.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbElement } from '../format/events.ts';
import { magicOf } from '../format/versions.ts';
import { valueType } from '../values/types.ts';
import { ValueWalker } from '../values/walker.ts';

/** Bytes behind the value: the version of RDB that it is of, and a checksum. */
const [VERSION, CHECKSUM] = [2, 8];

/** How a payload is read. */
export interface PayloadOptions {
  /** The longest string that is expanded, in bytes; 512 MiB by default. */
  readonly maxLength?: number;
  /** Whether its checksum is compared, as it should be of what has come from elsewhere; true by default. */
  readonly verify?: boolean;
}

/**
 * The elements of a value in the form that `DUMP` gives and `RESTORE` takes (`cluster.c:
 * verifyDumpPayload`), one by one: what `restorePayload` makes, read again. Bytes in elements are views of
 * the payload, or of memory that nothing else uses.
 *
 * @throws {RdbError} `TRUNCATED`, `BAD_CHECKSUM`, `UNKNOWN_TYPE`, `CORRUPT`, `TOO_LONG`; positions count from
 *   the first byte of the value, which follows its type
 */
export function* payloadElements(
  payload: Uint8Array,
  { maxLength = DEFAULT_MAX_LENGTH, verify = true }: PayloadOptions = {},
): Generator<Exclude<RdbElement, { type: 'count' | 'node' }>, void, void> {
  const { type, value, version } = partsOf(payload, verify);
  const found = valueType(magicOf(version), type);
  if (found === undefined) {
    throw new RdbError('UNKNOWN_TYPE', 0, `a value of type ${type}, which is not known`);
  }
  const cursor = new Cursor(maxLength);
  const walker = new ValueWalker(cursor);
  cursor.push(value);
  walker.begin(found.layout());
  for (;;) {
    const element = walker.next(false);
    if (element === undefined) break;
    if (isPlain(element)) yield element;
  }
  const { position } = cursor;
  if (!walker.done) throw new RdbError('TRUNCATED', position, 'the value ends before its end');
  if (position === value.length) return;
  throw new RdbError('CORRUPT', position, `${value.length - position} bytes follow the value`);
}

type Plain = Exclude<RdbElement, { type: 'count' | 'node' }>;

/** The walker takes containers apart, and refuses strings that it would give in pieces. */
function isPlain(event: NonNullable<ReturnType<ValueWalker['next']>>): event is Plain {
  return !NOT_PLAIN.has(event.type);
}

const NOT_PLAIN: ReadonlySet<string> = new Set([
  'count',
  'node',
  'container',
  'long',
  'piece',
  'long-end',
]);

function partsOf(
  payload: Uint8Array,
  verify: boolean,
): { type: number; value: Uint8Array; version: number } {
  const end = payload.length - VERSION - CHECKSUM;
  if (end < 1) throw new RdbError('TRUNCATED', 0, `${payload.length} bytes are no payload`);
  if (verify && !isSummed(payload)) {
    throw new RdbError('BAD_CHECKSUM', end, 'the checksum is not that of the value');
  }
  const version = payload[end]! | (payload[end + 1]! << 8);
  return { type: payload[0]!, value: payload.subarray(1, end), version };
}

function isSummed(payload: Uint8Array): boolean {
  const end = payload.length - CHECKSUM;
  const crc = new Crc64();
  crc.push(payload.subarray(0, end));
  return crc.digest().every((byte, i) => byte === payload[end + i]);
}
