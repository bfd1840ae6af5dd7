import type { Retime } from '@forebay/rdb';
import { numberOf, wordOf } from './relative-times.ts';
import type { Change, Form, Words } from './stream-rewriter.ts';

/** What times become: those that commands have, and those inside of values as DUMP gives them. */
export interface Retiming {
  readonly retime: Retime;
  readonly retimePayload: (payload: Uint8Array) => Uint8Array;
}

type Args = readonly Uint8Array[];

const SECOND = 1000;
const MILLISECOND = 1;
const ANY = Number.POSITIVE_INFINITY;

/**
 * The commands that set an absolute time, of Redis 6 to 8 and Valkey 7 to 9, with other times or with none.
 * Primaries propagate only what has succeeded, so conditions on times (NX, XX, GT, LT) are left out.
 */
export function ttlForms({ retime, retimePayload }: Retiming): readonly Form[] {
  const form = (name: string, least: number, change: Form['change'], most = ANY): Form => {
    return { name, least, most, change };
  };
  const restore = (words: Args) => changeRestore(words, retime, retimePayload);
  return [
    form('PEXPIREAT', 3, (words) => changeKey(words[1]!, timeOf(words[2]!, MILLISECOND), retime)),
    form('EXPIREAT', 3, (words) => changeKey(words[1]!, timeOf(words[2]!, SECOND), retime)),
    form('GETEX', 4, (words) => changeKey(words[1]!, optionIn(words, 2)?.time, retime), 4),
    form('SET', 5, (words) => changeSet(words, retime)),
    form('MSETEX', 6, (words) => changeMsetex(words, retime)),
    form('RESTORE', 4, restore),
    form('RESTORE-ASKING', 4, restore),
    form('HPEXPIREAT', 6, (words) =>
      changeFields(words, 3, timeOf(words[2]!, MILLISECOND), retime),
    ),
    form('HEXPIREAT', 6, (words) => changeFields(words, 3, timeOf(words[2]!, SECOND), retime)),
    form('HGETEX', 7, (words) => changeFields(words, 2, optionIn(words, 2)?.time, retime)),
    form('HSETEX', 8, (words) => changeHsetex(words, retime)),
  ];
}

function changeKey(key: Uint8Array, time: number | undefined, retime: Retime): Change | undefined {
  return time === undefined ? undefined : same([keyTime(key, retime(time))]);
}

/** `t_string.c: setCommand` */
function changeSet(words: Args, retime: Retime): Change | undefined {
  const option = optionIn(words, 3);
  if (option === undefined) return undefined;
  const time = retime(option.time);
  const instead = [[...without(words, option.place), ...optionOf(time)]];
  return { instead, after: [keyTime(words[1]!, time)] };
}

/** `MSETEX numkeys key value … [NX | XX] [EXAT s | PXAT ms]` (Redis 8.4) */
function changeMsetex(words: Args, retime: Retime): Change | undefined {
  const count = numberOf(words[1]!) ?? 0;
  const option = optionIn(words, 2 + 2 * count);
  if (option === undefined) return undefined;
  const time = retime(option.time);
  const keys = words.slice(2, 2 + 2 * count).filter((_, i) => i % 2 === 0);
  return {
    instead: [[...without(words, option.place), ...optionOf(time)]],
    after: keys.map((key) => keyTime(key, time)),
  };
}

/** `cluster.c: restoreCommand`. A time of 0 is none; without ABSTTL it is relative. */
function changeRestore(
  [name, key, given, payload, ...options]: Args,
  retime: Retime,
  retimePayload: Retiming['retimePayload'],
): Change | undefined {
  const isAbsolute = options.some((each) => wordOf(each) === 'ABSTTL');
  const found = isAbsolute ? timeOf(given!, MILLISECOND) : undefined;
  const time = found === undefined ? undefined : retime(found);
  const value = retimePayload(payload!);
  if (found === undefined && value === payload) return undefined;
  const text = found === undefined ? given! : String(time ?? 0);
  return {
    instead: [[name!, key!, text, value, ...options]],
    after: found === undefined ? [] : [keyTime(key!, time)],
  };
}

/** `HPEXPIREAT key ms [NX | XX | GT | LT] FIELDS n field …`, and what sets the same times. */
function changeFields(
  words: Args,
  from: number,
  time: number | undefined,
  retime: Retime,
): Change | undefined {
  const place = fieldsIn(words, from);
  if (time === undefined || place === undefined) return undefined;
  return same([fieldTimes(words[1]!, retime(time), words.slice(place))]);
}

/** `HSETEX key [FNX | FXX] [EXAT s | PXAT ms] FIELDS n field value …` */
function changeHsetex(words: Args, retime: Retime): Change | undefined {
  const place = fieldsIn(words, 2);
  if (place === undefined) return undefined;
  const option = optionIn(words.slice(0, place), 2);
  if (option === undefined) return undefined;
  const time = retime(option.time);
  const head = without(words.slice(0, place), option.place);
  const [fields, count, ...pairs] = words.slice(place);
  const names = pairs.filter((_, i) => i % 2 === 0);
  return {
    instead: [[...head, ...optionOf(time), ...words.slice(place)]],
    after: [fieldTimes(words[1]!, time, [fields!, count!, ...names])],
  };
}

function same(commands: readonly Words[]): Change {
  return { instead: commands, after: commands };
}

function keyTime(key: Uint8Array, time: number | undefined): Words {
  return time === undefined ? ['PERSIST', key] : ['PEXPIREAT', key, String(time)];
}

function fieldTimes(key: Uint8Array, time: number | undefined, fields: Args): Words {
  if (time === undefined) return ['HPERSIST', key, ...fields];
  return ['HPEXPIREAT', key, String(time), ...fields];
}

function optionOf(time: number | undefined): Words {
  return time === undefined ? [] : ['PXAT', String(time)];
}

/** Options of SET that a word follows which is none: a value or a digest to compare with. */
const COMPARING: ReadonlySet<string> = new Set(['IFEQ', 'IFNE', 'IFDEQ', 'IFDNE']);

/** Where EXAT or PXAT stands from a place on, and its time in milliseconds. */
function optionIn(words: Args, from: number): { place: number; time: number } | undefined {
  for (let place = from; place + 1 < words.length; place++) {
    const option = wordOf(words[place]!);
    if (COMPARING.has(option)) place++;
    if (option !== 'EXAT' && option !== 'PXAT') continue;
    const time = timeOf(words[place + 1]!, option === 'EXAT' ? SECOND : MILLISECOND);
    return time === undefined ? undefined : { place, time };
  }
  return undefined;
}

function fieldsIn(words: Args, from: number): number | undefined {
  const place = words.findIndex((word, i) => i >= from && wordOf(word) === 'FIELDS');
  return place < 0 ? undefined : place;
}

/** Less the option at a place, and its time. */
function without(words: Args, place: number): Args {
  return words.filter((_, i) => i !== place && i !== place + 1);
}

/** Milliseconds; undefined where it is no time that a server takes. */
function timeOf(word: Uint8Array, unit: number): number | undefined {
  const time = (numberOf(word) ?? 0) * unit;
  return time > 0 && Number.isSafeInteger(time) ? time : undefined;
}
