import { ByteBuilder } from './byte-builder.ts';
import { RespError } from './errors.ts';
import { isInteger } from './scalars.ts';
import { utf8Length, writeUtf8 } from './text.ts';
import type { RespEntries, RespMap, RespSequence, RespValue } from './values.ts';

/** Arguments of this size or more are separate parts. */
const LONG_ARGUMENT = 64 * 1024;

/** Deeper values (or ones that contain themselves) are refused. */
const MOST_DEPTH = 1_000;

const SEQUENCE_MARKS: Record<RespSequence['type'], string> = { array: '*', set: '~', push: '>' };

/**
 * A command as an array of bulk strings, what servers take and propagate. Strings become UTF-8,
 * numbers decimal text. No arguments make `*0`, which has no effect.
 *
 * @throws {RespError} `INVALID_VALUE` for a number that is not finite; `COMMAND_TOO_LARGE`
 */
export function encodeCommand(args: readonly (string | Uint8Array | number)[]): Uint8Array {
  const heads: string[] = [];
  const bodies: (string | Uint8Array)[] = [];
  const first = `*${args.length}\r\n`;
  let size = first.length;
  for (const arg of args) {
    const body = typeof arg === 'number' ? numberText(arg) : arg;
    const length = typeof body === 'string' ? utf8Length(body) : body.length;
    const head = `$${length}\r\n`;
    heads.push(head);
    bodies.push(body);
    size += head.length + length + 2;
  }
  const bytes = allocate(size);
  let at = writeUtf8(first, bytes, 0);
  for (let i = 0; i < heads.length; i++) {
    at = writeUtf8(heads[i]!, bytes, at);
    const body = bodies[i]!;
    if (typeof body === 'string') {
      at = writeUtf8(body, bytes, at);
    } else {
      bytes.set(body, at);
      at += body.length;
    }
    bytes[at++] = 13;
    bytes[at++] = 10;
  }
  return bytes;
}

/**
 * The same bytes in consecutive parts: a long argument is a part without a copy, so that it is not in memory twice.
 *
 * @throws {RespError} as `encodeCommand`
 */
export function encodeCommandParts(args: readonly (string | Uint8Array | number)[]): Uint8Array[] {
  if (!args.some(isLong)) return [encodeCommand(args)];
  const parts: Uint8Array[] = [];
  const out = new ByteBuilder();
  out.appendText(`*${args.length}\r\n`);
  for (const arg of args) {
    const body = typeof arg === 'number' ? numberText(arg) : arg;
    if (isLong(body)) {
      out.appendText(`$${body.length}\r\n`);
      parts.push(out.take(), body);
      out.appendText('\r\n');
    } else writeBulk(out, '$', '', body);
  }
  parts.push(out.take());
  return parts;
}

function isLong(arg: string | Uint8Array | number): arg is Uint8Array {
  return arg instanceof Uint8Array && arg.length >= LONG_ARGUMENT;
}

/**
 * A value as it is sent to a client of the given protocol version, 3 unless given.
 *
 * For version 2, as servers do it (`networking.c: addReplyNull, addReplyBool, addReplyDouble,
 * addReplyBigNum, addReplyVerbatim, addReplyMapLen, addReplySetLen`): null becomes `$-1`, or `*-1`
 * if it is `of` an array; a boolean `:1` or `:0`; doubles, big numbers and verbatim strings bulks; a
 * map an array of keys and values; sets and pushes arrays; a bulk error an error, its line ends
 * blanks; what is streamed is sent whole; attributes are left out.
 *
 * @throws {RespError} `INVALID_VALUE` for a simple string or an error with a line end, a number that
 *   is no 64-bit integer or not exact, a format that is not three ASCII characters, and values
 *   more than 1,000 deep; `COMMAND_TOO_LARGE`
 */
export function encodeValue(value: RespValue, version: 2 | 3 = 3): Uint8Array {
  const out = new ByteBuilder();
  writeValue(out, value, version, 0);
  return out.take();
}

function writeValue(out: ByteBuilder, value: RespValue, version: 2 | 3, depth: number): void {
  if (depth > MOST_DEPTH) throw invalid(`a value is more than ${MOST_DEPTH} deep`);
  if (version === 3 && value.attributes !== undefined) {
    out.appendText(`|${value.attributes.length}\r\n`);
    writeEntries(out, value.attributes, version, depth + 1);
  }
  if (value.type === 'map') {
    const { entries, streamed } = value;
    const isStreamed = version === 3 && streamed === true;
    const count = version === 3 ? entries.length : 2 * entries.length;
    out.appendText(`${version === 3 ? '%' : '*'}${isStreamed ? '?' : count}\r\n`);
    writeEntries(out, entries, version, depth + 1);
    if (isStreamed) out.appendText('.\r\n');
  } else if ('items' in value) {
    const { type, items, streamed } = value;
    const isStreamed = version === 3 && streamed === true;
    const mark = version === 3 ? SEQUENCE_MARKS[type] : '*';
    out.appendText(`${mark}${isStreamed ? '?' : items.length}\r\n`);
    for (const item of items) writeValue(out, item, version, depth + 1);
    if (isStreamed) out.appendText('.\r\n');
  } else {
    writeScalar(out, value, version);
  }
}

function writeEntries(out: ByteBuilder, entries: RespEntries, version: 2 | 3, depth: number): void {
  for (const [key, value] of entries) {
    writeValue(out, key, version, depth);
    writeValue(out, value, version, depth);
  }
}

type Scalar = Exclude<RespValue, RespMap | RespSequence>;

/** What a scalar is on the wire: a line, or a bulk. */
type Wire = string | { readonly mark: string; readonly body: string | Uint8Array };

function writeScalar(out: ByteBuilder, value: Scalar, version: 2 | 3): void {
  const wire = version === 3 ? wireOf3(value) : wireOf2(value);
  if (typeof wire === 'string') {
    out.appendText(`${wire}\r\n`);
  } else if (value.type === 'bulk' && value.streamed === true && version === 3) {
    out.appendText('$?\r\n');
    if (value.bytes.length > 0) writeBulk(out, ';', '', value.bytes);
    out.appendText(';0\r\n');
  } else {
    const prefix = version === 3 && value.type === 'verbatim' ? `${formatText(value.format)}:` : '';
    writeBulk(out, wire.mark, prefix, wire.body);
  }
}

function wireOf3(value: Scalar): Wire {
  switch (value.type) {
    case 'simple':
      return `+${lineText(value.text)}`;
    case 'error':
      return `-${lineText(value.message)}`;
    case 'bulk-error':
      return { mark: '!', body: value.message };
    case 'number':
      return `:${integerText(value.value)}`;
    case 'null':
      return '_';
    case 'boolean':
      return value.value ? '#t' : '#f';
    case 'double':
      return `,${doubleText(value.value)}`;
    case 'big-number':
      return `(${value.value}`;
    case 'verbatim':
      return { mark: '=', body: value.bytes };
    case 'bulk':
      return { mark: '$', body: value.bytes };
  }
}

function wireOf2(value: Scalar): Wire {
  switch (value.type) {
    case 'bulk-error':
      return `-${value.message.replace(/[\r\n]/g, ' ')}`;
    case 'null':
      return value.of === 'array' ? '*-1' : '$-1';
    case 'boolean':
      return value.value ? ':1' : ':0';
    case 'double':
      return { mark: '$', body: doubleText(value.value) };
    case 'big-number':
      return { mark: '$', body: `${value.value}` };
    case 'verbatim':
      return { mark: '$', body: value.bytes };
    default:
      return wireOf3(value);
  }
}

function writeBulk(
  out: ByteBuilder,
  mark: string,
  prefix: string,
  body: string | Uint8Array,
): void {
  const length = typeof body === 'string' ? utf8Length(body) : body.length;
  out.appendText(`${mark}${prefix.length + length}\r\n${prefix}`);
  if (typeof body === 'string') out.appendText(body);
  else out.append(body, 0, length);
  out.appendText('\r\n');
}

function integerText(value: number | bigint): string {
  if (!isInteger(value)) throw invalid(`${value} is no exact 64-bit integer`);
  return `${value}`;
}

function lineText(text: string): string {
  if (/[\r\n]/.test(text)) throw invalid(`${JSON.stringify(text)} has a line end`);
  return text;
}

function formatText(format: string): string {
  if (!isFormat(format)) throw invalid(`${JSON.stringify(format)} is no format`);
  return format;
}

/** Three ASCII characters. */
function isFormat(format: string): boolean {
  return format.length === 3 && utf8Length(format) === 3;
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  return Object.is(value, -0) ? '-0' : `${value}`;
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw invalid(`${value} is no argument`);
  return `${value}`;
}

function allocate(size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch {
    throw new RespError('COMMAND_TOO_LARGE', `${size} bytes cannot be held in one piece`);
  }
}

function invalid(message: string): RespError {
  return new RespError('INVALID_VALUE', message);
}
