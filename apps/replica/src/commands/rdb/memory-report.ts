import { lineValueOf } from '@forebay/feed/json';
import type { Row } from '../../output/table.ts';
import { aligned } from '../../output/table.ts';
import { formatBytes } from '../../reporter.ts';
import { ESTIMATE } from './memory-estimate.ts';
import type { MemoryTotals, Total } from './memory-totals.ts';
import { nameOf } from './scan.ts';

const BAR = 20;
const NUMBERS = [0, 1, 2, 3];

/** The totals as a person reads them. */
export function tablesOf(file: string, totals: MemoryTotals): string[] {
  const { all, types, others, largest, top } = totals;
  const sum = `${all.keys} keys, ${formatBytes(all.file)} in the file`;
  const head = `${file}: ${sum}, about ${formatBytes(all.memory)} in memory`;
  const prefixes = largestOf(totals.prefixes);
  const shown = prefixes.slice(0, top).map(([prefix, total]): [string, Total] => {
    const name = prefix === '' ? '(none)' : nameOf(Buffer.from(prefix, 'latin1'));
    return [name, total];
  });
  const rest = summed([...prefixes.slice(top).map(([, total]) => total), others]);
  if (rest.keys > 0) shown.push(['(others)', rest]);
  const keys = largest.map((each): Row => {
    const { database, dataType, encoding, elements, file: bytes, memory } = each;
    const what = `${dataType} (${encoding})`;
    const sizes = [`${elements}`, formatBytes(bytes), formatBytes(memory), `db ${database}`];
    return [...sizes, what, nameOf(each.key)];
  });
  return [
    head,
    ...block('type', rowsOf(largestOf(types), all)),
    ...block('prefix', rowsOf(shown, all)),
    ...(keys.length === 0 ? [] : ['', ...aligned([KEY_TITLES, ...keys], NUMBERS.slice(0, 3))]),
    '',
    `memory: an estimate, ${ESTIMATE}`,
  ];
}

/** The same for `--json`. */
export function objectOf(file: string, totals: MemoryTotals): object {
  const { all, types, others, largest, top } = totals;
  const prefixes = largestOf(totals.prefixes);
  const rest = summed([...prefixes.slice(top).map(([, total]) => total), others]);
  return {
    path: file,
    ...all,
    types: largestOf(types).map(([type, total]) => ({ type, ...total })),
    prefixes: prefixes.slice(0, top).map(([prefix, total]) => {
      return { prefix: lineValueOf(Buffer.from(prefix, 'latin1')), ...total };
    }),
    otherPrefixes: rest,
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

function rowsOf(totals: readonly (readonly [string, Total])[], all: Total): Row[] {
  return totals.map(([name, { keys, file, memory }]) => {
    const share = all.memory === 0 ? 0 : memory / all.memory;
    const percent = `${(share * 100).toFixed(1)} %`;
    const bar = '█'.repeat(Math.round(share * BAR)).padEnd(BAR, '·');
    return [`${keys}`, formatBytes(file), formatBytes(memory), percent, bar, name];
  });
}

function largestOf(totals: ReadonlyMap<string, Total>): [string, Total][] {
  return [...totals].sort(([, a], [, b]) => b.memory - a.memory);
}

function summed(totals: readonly Total[]): Total {
  const sum = { keys: 0, file: 0, memory: 0 };
  for (const { keys, file, memory } of totals) {
    sum.keys += keys;
    sum.file += file;
    sum.memory += memory;
  }
  return sum;
}
