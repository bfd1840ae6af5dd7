import type { Form as RewrittenForm, Words } from './stream-rewriter.ts';

/** What a command says whose key lives for a span of time from its arrival on. */
interface Relative {
  /** Milliseconds, a safe integer. Only EXPIRE and PEXPIRE may have 0 or less: the time is over. */
  readonly span: number;
  /** The same command without the span; absent where nothing is left of it. */
  readonly rest?: Words;
}

/** A kind of command that may have a relative time. Argument 1 is the key in all of them. */
interface Form extends Omit<RewrittenForm, 'change'> {
  /** Undefined where the command has no relative time, or is one that servers refuse. */
  readonly read: (words: readonly Uint8Array[]) => Relative | undefined;
}

/** What primaries may propagate as they got it, and whose text decides what is done to times. */
export const SCRIPTS: readonly string[] = ['EVAL', 'EVALSHA'];

/** No command with options has more that succeeds. */
const MOST_WORDS = 16;
/** A sign and the digits of a 64-bit integer; no option's name is longer. In bytes. */
export const LONGEST_WORD = 20;
const SECOND = 1000;
const MILLISECOND = 1;

/**
 * The commands that primaries before 7.0 propagate with the times that clients gave, and what they
 * themselves make of them for their append-only file (`aof.c: feedAppendOnlyFile`). RESTORE, which
 * they leave as it is there, and GETEX, which 6.2 propagates as PEXPIRE, are of our own making.
 */
export const FORMS: readonly Form[] = [
  { name: 'EXPIRE', least: 3, most: 3, read: (words) => ofKey(anySpan(words[2]!, SECOND)) },
  { name: 'PEXPIRE', least: 3, most: 3, read: (words) => ofKey(anySpan(words[2]!, MILLISECOND)) },
  { name: 'SETEX', least: 4, most: 4, read: (words) => readSetex(words, SECOND) },
  { name: 'PSETEX', least: 4, most: 4, read: (words) => readSetex(words, MILLISECOND) },
  { name: 'SET', least: 5, most: MOST_WORDS, read: readSet },
  { name: 'GETEX', least: 4, most: 4, read: readGetex },
  { name: 'RESTORE', least: 4, most: MOST_WORDS, read: readRestore },
  { name: 'RESTORE-ASKING', least: 4, most: MOST_WORDS, read: readRestore },
];

function readSetex(
  [, key, time, value]: readonly Uint8Array[],
  unit: number,
): Relative | undefined {
  return withRest(positiveSpan(time!, unit), ['SET', key!, value!]);
}

/** `t_string.c: setCommand`. Until 6.0 a unit may be given again, and the last time counts. */
function readSet(words: readonly Uint8Array[]): Relative | undefined {
  const rest = words.slice(0, 3);
  const conditions = new Set<string>();
  let unit: number | undefined;
  let span: number | undefined;
  for (let i = 3; i < words.length; i++) {
    const option = wordOf(words[i]!);
    if (option === 'NX' || option === 'XX' || option === 'GET') {
      if (option !== 'GET') conditions.add(option);
      rest.push(words[i]!);
      continue;
    }
    const given = unitOf(option);
    const time = words[++i];
    if (given === undefined || time === undefined || (unit ?? given) !== given) return undefined;
    unit = given;
    span = positiveSpan(time, given);
    if (span === undefined) return undefined;
  }
  return conditions.size > 1 ? undefined : withRest(span, rest);
}

/** `t_string.c: getexCommand` */
function readGetex([, , option, time]: readonly Uint8Array[]): Relative | undefined {
  const unit = unitOf(wordOf(option!));
  return unit === undefined ? undefined : ofKey(positiveSpan(time!, unit));
}

/** `cluster.c: restoreCommand`. A time of 0 is none; one with ABSTTL is absolute. */
function readRestore(words: readonly Uint8Array[]): Relative | undefined {
  for (let i = 4; i < words.length; i++) {
    const option = wordOf(words[i]!);
    if (option === 'REPLACE') continue;
    const number = words[++i];
    if (option !== 'IDLETIME' && option !== 'FREQ') return undefined;
    if (number === undefined || numberOf(number) === undefined) return undefined;
  }
  const [name, key, time, ...others] = words;
  return withRest(positiveSpan(time!, MILLISECOND), [name!, key!, '0', ...others]);
}

function ofKey(span: number | undefined): Relative | undefined {
  return span === undefined ? undefined : { span };
}

function withRest(span: number | undefined, rest: Words): Relative | undefined {
  return span === undefined ? undefined : { span, rest };
}

/** Milliseconds in the unit of an option of SET and GETEX. */
function unitOf(option: string): number | undefined {
  if (option === 'EX') return SECOND;
  return option === 'PX' ? MILLISECOND : undefined;
}

/** All but EXPIRE and PEXPIRE refuse 0 and less. */
function positiveSpan(time: Uint8Array, unit: number): number | undefined {
  const span = anySpan(time, unit);
  return span !== undefined && span > 0 ? span : undefined;
}

function anySpan(time: Uint8Array, unit: number): number | undefined {
  const number = numberOf(time);
  return number !== undefined && Number.isSafeInteger(number * unit) ? number * unit : undefined;
}

/** Servers up to 4.0 take a plus sign and leading zeros too (`object.c: getLongLongFromObject`). */
export function numberOf(word: Uint8Array): number | undefined {
  const text = wordOf(word);
  return /^[+-]?[0-9]+$/.test(text) ? Number(text) : undefined;
}

/** In capitals; empty where it is too long for an option or a number. */
export function wordOf(word: Uint8Array): string {
  let text = '';
  if (word.length <= LONGEST_WORD) for (const byte of word) text += String.fromCharCode(byte);
  return text.toUpperCase();
}
