import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { startHistory } from '@forebay/psync';
import { bytesOf, concatBytes } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { Log } from '../src/index.ts';
import { A, freshDirectory } from './directories.ts';

/** An RDB made by a server of that version, of some length. */
function rdbOf(key: string, version: string, padding = 0): Uint8Array {
  const aux = (name: string, value: string) =>
    bytesOf(
      `\xfa${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
    );
  const fields = Array.from({ length: padding }, () => aux('padding', 'x'.repeat(50)));
  const end = bytesOf('\xff\0\0\0\0\0\0\0\0');
  return concatBytes([bytesOf('REDIS0009'), aux(key, version), ...fields, end]);
}

async function withBase(rdb: Uint8Array): Promise<{ log: Log; path: string }> {
  const log = await Log.open(await freshDirectory());
  const target = log.awaitBase();
  await writeFile(target.path, rdb);
  const base = { target, size: rdb.length, crc: crc32(rdb) };
  await log.beginHistory({
    ...base,
    history: startHistory(A),
    offset: 7,
    database: 0,
    reason: 'a test',
  });
  return { log, path: target.path };
}

it.each([
  ['redis-ver', '6.0.16', true],
  ['redis-ver', '6.2.6', true],
  ['redis-ver', '7.0.15', false],
  ['redis-ver', '8.0.2', false],
  ['valkey-ver', '8.0.1', false],
])(
  'a base of %s %s says whether times count from when they are read',
  async (key, version, relative) => {
    const { log } = await withBase(rdbOf(key, version));
    const opened = await log.openBase();
    expect(opened).toMatchObject({ relativeTimes: relative, base: { offset: 7 } });
    await opened.close();
    await log.close();
  },
);

it('a base is read whole, as it came', async () => {
  const rdb = rdbOf('redis-ver', '8.0.2', 20_000);
  const { log } = await withBase(rdb);
  const opened = await log.openBase();
  const pieces: Uint8Array[] = [];
  for await (const piece of opened.read()) pieces.push(piece);
  expect(Buffer.compare(concatBytes(pieces), rdb)).toBe(0);
  await opened.close();
  await log.close();
});

it.each([100, 500_000, 1_100_000])(
  'one with a bit flipped at %i is never given whole',
  async (at) => {
    const rdb = rdbOf('redis-ver', '8.0.2', 20_000);
    const { log, path } = await withBase(rdb);
    const damaged = rdb.slice();
    damaged[at]! ^= 1;
    await writeFile(path, damaged);
    const opened = await log.openBase();
    let given = 0;
    const reading = (async () => {
      for await (const piece of opened.read()) given += piece.length;
    })();
    await expect(reading).rejects.toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(given).toBeLessThan(rdb.length);
    await opened.close();
    await log.close();
  },
);

it('before the first base there is none to open', async () => {
  await using log = await Log.open(await freshDirectory());
  await expect(log.openBase()).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
});
