import { RespError } from './errors.ts';
import type { RespFailure, RespValue } from './values.ts';

/** Shared, as a long array of them would otherwise cost more than its bytes did. */
const NULL: RespValue = Object.freeze({ type: 'null' });
const TRUE: RespValue = Object.freeze({ type: 'boolean', value: true });
const FALSE: RespValue = Object.freeze({ type: 'boolean', value: false });

const INTEGER = /^(?:0|[+-]?[1-9][0-9]*)$/;
const DOUBLE = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const BIG_NUMBER = /^[+-]?[0-9]+$/;
const WORDS: Record<string, number> = {
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
  '-nan': Number.NaN,
};
const LEAST_INT64 = -(2n ** 63n);
const LARGEST_INT64 = 2n ** 63n - 1n;

/**
 * The value of a line that is one value: `mark` is its first character, `text` the rest of it.
 *
 * @throws {RespError} `INVALID_NUMBER`, `INVALID_DOUBLE`, `INVALID_BIG_NUMBER`, `INVALID_BOOLEAN` or
 *   `INVALID_NULL`, at `offset`
 */
export function parseLine(mark: string, text: string, offset: number): RespValue {
  switch (mark) {
    case '+':
      return { type: 'simple', text };
    case '-':
      return failureOf('error', text);
    case ':':
      return { type: 'number', value: parseInteger(text, offset) };
    case ',':
      return { type: 'double', value: parseDouble(text, offset) };
    case '(':
      if (!BIG_NUMBER.test(text)) throw refused('INVALID_BIG_NUMBER', text, offset);
      return { type: 'big-number', value: BigInt(text) };
    case '#':
      if (text !== 't' && text !== 'f') throw refused('INVALID_BOOLEAN', text, offset);
      return text === 't' ? TRUE : FALSE;
    default:
      if (text !== '') throw refused('INVALID_NULL', text, offset);
      return NULL;
  }
}

/** An error value with its code, the first word of the message. */
export function failureOf(type: RespFailure['type'], message: string): RespFailure {
  const space = message.indexOf(' ');
  return { type, code: space < 0 ? message : message.slice(0, space), message };
}

/** Whether an integer is one of RESP's: of 64 bits, and exact. */
export function isInteger(value: number | bigint): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return value >= LEAST_INT64 && value <= LARGEST_INT64;
}

/** `util.c: string2ll`, and a plus sign, which RESP3 allows. */
function parseInteger(text: string, offset: number): number | bigint {
  if (!INTEGER.test(text)) throw refused('INVALID_NUMBER', text, offset);
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  const exact = text.length > 20 ? LARGEST_INT64 + 1n : BigInt(text);
  if (!isInteger(exact)) throw refused('INVALID_NUMBER', text, offset);
  return exact;
}

function parseDouble(text: string, offset: number): number {
  const word = Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
  if (word !== undefined) return word;
  if (!DOUBLE.test(text)) throw refused('INVALID_DOUBLE', text, offset);
  return Number(text);
}

type LineErrorCode =
  | 'INVALID_NUMBER'
  | 'INVALID_DOUBLE'
  | 'INVALID_BIG_NUMBER'
  | 'INVALID_BOOLEAN'
  | 'INVALID_NULL';

function refused(code: LineErrorCode, text: string, offset: number): RespError {
  const what = code.slice('INVALID_'.length).toLowerCase().replace('_', ' ');
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  return new RespError(code, `${JSON.stringify(shown)} is no ${what}`, offset);
}
