import { Crc64 } from '@forebay/rdb';
import { bytesOf, concatBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { check, repair } from '../src/index.ts';
import { DIRECTORY, PING, Subject } from './check-subject.ts';

/** An RDB of that body, with its checksum, or with none. */
function rdb(body: string, isSummed = true): Uint8Array {
  const bytes = bytesOf(`${body}\xff`);
  const crc = new Crc64();
  crc.push(bytes);
  return concatBytes([bytes, isSummed ? crc.digest() : new Uint8Array(8)]);
}

/** A log whose base is a snapshot that an earlier release took in without a look. */
async function logOf(snapshot: Uint8Array): Promise<Subject> {
  const subject = await new Subject().open();
  subject.rdb = snapshot;
  await subject.begin(100);
  await subject.append(PING);
  await subject.log.close();
  return subject;
}

const SOUND = rdb('REDIS0011\0\x01k\x05value');
const WRONG_SUM = Uint8Array.from(SOUND, (byte, i) => (i === SOUND.length - 1 ? byte ^ 1 : byte));
/** A hash whose listpack says that it is longer than it is. */
const DAMAGED_VALUE = 'REDIS0011\x10\x01k\x07\x0a\0\0\0\0\0\xff\0\x01a\x01b';
const NEWER_TYPE = 'REDIS0011\x63\x01kanything';

describe('a base that was adopted without verification', () => {
  it.each<[string, Uint8Array, number, string]>([
    ['with a wrong checksum', WRONG_SUM, SOUND.length - 8, 'the checksum at byte 19 is wrong'],
    [
      'of a broken structure',
      rdb('REDIS0011\0\x01k\xc9'),
      12,
      'key "k" of database 0: an unknown string encoding 9',
    ],
    [
      'with bytes after its end',
      concatBytes([SOUND, bytesOf('x'.repeat(8)), SOUND.slice(-9)]),
      27,
      'bytes follow the end of the RDB',
    ],
  ])('%s is an error, which names the byte', async (_, snapshot, place, what) => {
    const { disk } = await logOf(snapshot);
    const { findings } = await check(disk.process, DIRECTORY);
    const file = 'appendonlydir/appendonly.aof.1.base.rdb';
    expect(findings).toEqual([
      { severity: 'error', file, place, what: expect.stringContaining(what) },
    ]);
    const { refused } = await repair(disk.process, DIRECTORY);
    expect(refused).toBeDefined();
  });

  it.each<[string, Uint8Array, string]>([
    [
      'with a damaged value',
      rdb(DAMAGED_VALUE),
      'key "k" of database 0: the listpack at byte 12 contradicts',
    ],
    [
      'with a damaged value and without a checksum',
      rdb(DAMAGED_VALUE, false),
      '(the snapshot has no checksum)',
    ],
    ['of a newer type', rdb(NEWER_TYPE), 'key "k" has a value of type 99'],
    ['of a newer version', rdb('REDIS0099\0\x01k\x05value'), 'the RDB has version 99'],
  ])('%s is a warning, and nothing is repaired', async (_, snapshot, what) => {
    const { disk } = await logOf(snapshot);
    const { findings } = await check(disk.process, DIRECTORY);
    expect(findings).toMatchObject([{ severity: 'warning', what: expect.stringContaining(what) }]);
    expect(await repair(disk.process, DIRECTORY)).toMatchObject({ done: [], lost: [] });
  });

  it('and is sound has no finding', async () => {
    const { disk } = await logOf(SOUND);
    expect((await check(disk.process, DIRECTORY)).findings).toEqual([]);
  });
});
