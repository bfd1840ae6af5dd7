import { lineValueOf } from '@forebay/feed/json';
import { keyName } from '@forebay/rdb/json';
import type { MemoryTotal, MemoryTotals } from '@forebay/rdb/memory';
import type { Row } from '../../output/table.ts';
import { aligned } from '../../output/table.ts';
import { formatBytes } from '../../reporter.ts';

/** What the estimate is made of, for people. */
export const ESTIMATE =
  'as Redis 7 keeps it on 64 bits: what jemalloc gives for the key, its entries in the tables, the object, ' +
  'and the value in the encoding that it has in the file; without what tables have to spare, and buffers';

const BAR = 20;
const NUMBERS = [0, 1, 2, 3];

/** The totals as a person reads them. */
export function tablesOf(file: string, totals: MemoryTotals): string[] {
  const { all, types, prefixes, largest } = totals;
  const sum = `${all.keys} keys, ${formatBytes(all.file)} in the file`;
  const head = `${file}: ${sum}, about ${formatBytes(all.memory)} in memory`;
  const shown = prefixes.largest.map(([prefix, total]): [string, MemoryTotal] => {
    const name = prefix === '' ? '(none)' : keyName(Buffer.from(prefix, 'latin1'));
    return [name, total];
  });
  if (prefixes.others.keys > 0) shown.push(['(others)', prefixes.others]);
  const keys = largest.map((each): Row => {
    const { database, dataType, encoding, elements, file: bytes, memory } = each;
    const what = `${dataType} (${encoding})`;
    const sizes = [`${elements}`, formatBytes(bytes), formatBytes(memory), `db ${database}`];
    return [...sizes, what, keyName(each.key)];
  });
  return [
    head,
    ...block('type', rowsOf(types, all)),
    ...block('prefix', rowsOf(shown, all)),
    ...(keys.length === 0 ? [] : ['', ...aligned([KEY_TITLES, ...keys], NUMBERS.slice(0, 3))]),
    '',
    `memory: an estimate, ${ESTIMATE}`,
  ];
}

/** The same for `--json`. */
export function objectOf(file: string, totals: MemoryTotals): object {
  const { all, types, prefixes, largest } = totals;
  return {
    path: file,
    ...all,
    types: types.map(([type, total]) => ({ type, ...total })),
    prefixes: prefixes.largest.map(([prefix, total]) => {
      return { prefix: lineValueOf(Buffer.from(prefix, 'latin1')), ...total };
    }),
    otherPrefixes: prefixes.others,
    largest: largest.map(({ key, database, dataType, ...sizes }) => {
      return { db: database, key: lineValueOf(key), type: dataType, ...sizes };
    }),
  };
}

const KEY_TITLES: Row = ['elements', 'file', 'memory', '', 'type', 'key'];

function block(title: string, rows: readonly Row[]): string[] {
  const titles = ['keys', 'file', 'memory', 'share', '', title];
  return rows.length === 0 ? [] : ['', ...aligned([titles, ...rows], NUMBERS)];
}

function rowsOf(totals: readonly (readonly [string, MemoryTotal])[], all: MemoryTotal): Row[] {
  return totals.map(([name, { keys, file, memory }]) => {
    const share = all.memory === 0 ? 0 : memory / all.memory;
    const percent = `${(share * 100).toFixed(1)} %`;
    const bar = '█'.repeat(Math.round(share * BAR)).padEnd(BAR, '·');
    return [`${keys}`, formatBytes(file), formatBytes(memory), percent, bar, name];
  });
}
