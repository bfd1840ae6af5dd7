import { isUtf8 } from 'node:buffer';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { collect, dataSets, inPieces } from './collect.ts';

/** Files of servers too old to be run, which are there where the project is built by its authors. */
const FOLDER = new URL('../../../../shared/fixtures/rdb/', import.meta.url);
const names = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.rdb')) : [];

function fileOf(name: string): Uint8Array {
  return readFileSync(new URL(name, FOLDER));
}

/** What is said to be in a file: an array of databases, in order, scores as text. */
function expected(name: string): Record<string, unknown>[] {
  const path = new URL(`json/${name.replace(/rdb$/, 'json')}`, FOLDER);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>[];
}

/** As the files beside it have it: what is UTF-8 decoded, sets in any order, scores as text. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return [...value].sort();
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as object);
  return Object.fromEntries(entries.map(([key, each]) => [decoded(key), decoded(each)]));
}

function decoded(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const bytes = Buffer.from(String(value), 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : String(value);
}

/** As it stands there, but sets in the same order as ours. */
function sorted(database: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(database);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, Array.isArray(value) ? [...value].sort() : value]),
  );
}

describe.skipIf(names.length === 0)('files of old servers', () => {
  it.each(names)('%s is what is said of it, however its bytes come', (name) => {
    const bytes = fileOf(name);
    const whole = collect([bytes]);
    const databases = [...dataSets(whole).values()].map((keys) => {
      return Object.fromEntries([...keys].map(([key, value]) => [decoded(key), comparable(value)]));
    });
    const due = expected(name).map(sorted);
    expect(databases).toEqual(due);
    for (const length of [1, 7, 100, 4096]) expect(collect(inPieces(bytes, length))).toEqual(whole);
  });
});
