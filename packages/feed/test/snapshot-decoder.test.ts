import { payloadElements, RdbWriter } from '@forebay/rdb';
import { bytesOf, runSeed } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChangeFilter, SnapshotEntry, SnapshotKey } from '../src/index.ts';
import { formatLine, linePieces, SnapshotDecoder } from '../src/index.ts';
import { rdbOf } from './snapshots.ts';
import { latin1 } from './streams.ts';

const failing = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** All entries of an RDB that comes in pieces of a length, each overwritten when it was read. */
function entriesOf(
  rdb: Uint8Array,
  filter: ChangeFilter = {},
  piece = rdb.length,
): SnapshotEntry[] {
  const decoder = new SnapshotDecoder(filter);
  const entries: SnapshotEntry[] = [];
  for (let at = 0; at < rdb.length; at += piece) {
    const bytes = Buffer.from(rdb.subarray(at, at + piece));
    decoder.push(bytes);
    for (let entry = decoder.next(); entry; entry = decoder.next()) entries.push(entry);
    bytes.fill(0xfa);
  }
  decoder.finish();
  return entries;
}

const named = (entries: readonly SnapshotEntry[]) =>
  entries.map((entry) => (entry.type === 'key' ? `${entry.database} ${latin1(entry.key)}` : '()'));

/** An RDB of a hash, with all that a key can have, and a library of functions. */
function full(): Uint8Array {
  const writer = new RdbWriter({ magic: 'REDIS', version: 12 });
  writer.write({ type: 'function', code: bytesOf('#!lua name=a') });
  const about = { expiresAt: 5_000_000_000_000, idle: 7, frequency: undefined };
  const key = bytesOf('k\xff');
  writer.write({ type: 'key', database: 3, key, dataType: 'hash', fieldsExpire: true, ...about });
  const fields = [
    { field: bytesOf('f'), value: bytesOf('v'.repeat(100_000)), expiresAt: undefined },
    { field: bytesOf('g'), value: bytesOf('w'), expiresAt: 6_000_000_000_000 },
  ];
  for (const field of fields) writer.write({ type: 'field', ...field });
  writer.write({ type: 'key-end' });
  writer.write({ type: 'end' });
  return writer.take();
}

describe('the entries of a snapshot', () => {
  it.each([1, 7, 4096, 1_000_000])('are whole, in pieces of %i bytes', (piece) => {
    const [library, key, ...others] = entriesOf(full(), {}, piece);
    expect(others).toEqual([]);
    expect(library).toEqual({ type: 'function', v: 1, code: bytesOf('#!lua name=a') });
    const { payload, ...about } = key as SnapshotKey;
    expect(about).toMatchObject({
      ...{ type: 'key', v: 1, database: 3, key: bytesOf('k\xff'), dataType: 'hash' },
      ...{ expiresAt: 5_000_000_000_000, idle: 7, frequency: undefined },
    });
    const fields = [...payloadElements(payload)].map((each) =>
      each.type === 'field' ? [latin1(each.field), each.value.length, each.expiresAt] : each.type,
    );
    expect(fields).toEqual([
      ['f', 100_000, undefined],
      ['g', 1, 6_000_000_000_000],
    ]);
  });

  it('are chosen by database and key, whatever commands are', () => {
    const rdb = rdbOf('0 user:1 a', '0 other b', '2 user:2 c');
    expect(named(entriesOf(rdb))).toEqual(['0 user:1', '0 other', '2 user:2']);
    expect(named(entriesOf(rdb, { match: ['user:*'] }))).toEqual(['0 user:1', '2 user:2']);
    expect(named(entriesOf(rdb, { databases: [2] }))).toEqual(['2 user:2']);
    expect(named(entriesOf(rdb, { commands: ['DEL'] }))).toHaveLength(3);
    expect(named(entriesOf(full(), { databases: [9] }))).toEqual(['()']);
  });

  it('end at a value that is too large, which is named with its size, unless it is left out', () => {
    const rdb = full();
    const read = (most: number, filter: ChangeFilter = {}) => {
      const decoder = new SnapshotDecoder(filter, most);
      decoder.push(rdb);
      const entries: SnapshotEntry[] = [];
      for (let entry = decoder.next(); entry; entry = decoder.next()) entries.push(entry);
      return entries;
    };
    const [key] = entriesOf(rdb).filter((entry) => entry.type === 'key');
    // In front of the value is its type, behind it a version and a checksum.
    const size = key!.payload.length - 11;
    expect(named(read(size))).toEqual(['()', '3 k\xff']);
    const message = new RegExp(
      `^key "kÿ" of database 3 has a value of ${size} bytes, where ${size - 1}`,
    );
    expect(() => read(size - 1)).toThrow(failing('SNAPSHOT', message));
    expect(named(read(size - 1, { match: ['other'] }))).toEqual(['()']);
  });

  it('end where the bytes are no RDB, or not all of it', () => {
    const rdb = rdbOf('0 a b');
    expect(() => entriesOf(bytesOf('+FULLRESYNC'))).toThrow(failing('SNAPSHOT', /cannot be read/));
    expect(() => entriesOf(rdb.subarray(0, -1))).toThrow(failing('SNAPSHOT', /ends at byte/));
    const changed = rdb.slice();
    changed[rdb.length - 1]! ^= 1;
    expect(() => entriesOf(changed)).toThrow(failing('SNAPSHOT', /checksum/));
  });
});

describe('the line of a key', () => {
  it('says what it is, and its value', () => {
    const [library, key] = entriesOf(full());
    expect(JSON.parse(formatLine(library!))).toEqual({
      v: 1,
      type: 'function',
      code: '#!lua name=a',
    });
    expect(JSON.parse(formatLine(key!))).toEqual({
      ...{ v: 1, type: 'key', db: 3, key: { base64: 'a/8=' }, dataType: 'hash' },
      ...{ encoding: 'hashtable', expiresAt: 5_000_000_000_000, idle: 7 },
      value: [
        { field: 'f', value: 'v'.repeat(100_000) },
        { field: 'g', value: 'w', expiresAt: 6_000_000_000_000 },
      ],
    });
  });

  it('of a damaged value says which it is of', () => {
    const key = { ...(entriesOf(full())[1] as SnapshotKey) };
    const damaged = { ...key, payload: key.payload.slice(0, -20) };
    expect(() => formatLine(damaged)).toThrow(failing('SNAPSHOT', /key "k.+ of database 3 cannot/));
  });

  it('comes in small pieces, which cut no character', () => {
    const seed = runSeed();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom('é', '€', '😀', '\xff'),
        (pad, one) => {
          const isText = one !== '\xff';
          const text = 'x'.repeat(pad) + one.repeat(150_000);
          const value = Buffer.from(text, isText ? 'utf8' : 'latin1');
          const writer = new RdbWriter({ magic: 'REDIS', version: 11 });
          writer.write({ type: 'key', key: bytesOf('k'), dataType: 'string' });
          writer.write({ type: 'value', value });
          for (const type of ['key-end', 'end'] as const) writer.write({ type });
          const [key] = entriesOf(writer.take());
          const pieces = [...linePieces(key!)];
          expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100_000);
          const expected = isText ? text : { base64: value.toString('base64') };
          expect(JSON.parse(pieces.join(''))).toMatchObject({ value: expected });
        },
      ),
      { seed, numRuns: 20 },
    );
  });
});
