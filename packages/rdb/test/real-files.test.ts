import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { bytesOf, concatBytes, everySplit, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { auxOf, readAll } from './drive.ts';

// Third-party files that are not in the repository: in CI they have to be beside it, elsewhere they
// may be missing, and the report then shows these tests as skipped.
const folder = new URL('../../../../shared/fixtures/rdb/', import.meta.url);
const isThere = existsSync(folder);
const names = isThere ? readdirSync(folder).filter((name) => name.endsWith('.rdb')) : [];
const read = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));

it.runIf(process.env.CI)('in CI the real files are beside the repository', () => {
  expect(names.length).toBeGreaterThan(20);
});

describe.skipIf(!isThere)('files of real servers (in shared/fixtures/rdb)', () => {
  it('begin with a version and are read up to their first opcode', () => {
    for (const name of names) {
      const bytes = read(name);
      const { events, error, position } = readAll([bytes]);
      expect(error, name).toBeUndefined();
      const version = Number(textOf(bytes.subarray(5, 9)));
      expect(events[0], name).toEqual({ type: 'header', magic: 'REDIS', version });
      expect(events.at(-1), name).toEqual({ type: 'end' });
      expect([0xf5, 0xfb, 0xfe, 0xff], name).toContain(bytes[position]);
      if (version < 7) expect(position, name).toBe(9);
    }
  });

  it('of Redis 3.2 and of 7.2 tell what wrote them', () => {
    expect(auxOf(readAll([read('quicklist_with_one_node.rdb')]).events)).toEqual([
      ['redis-ver', '2.9.999'],
      ['redis-bits', '64'],
      ['ctime', expect.stringMatching(/^14\d{8}$/)],
      ['used-mem', expect.stringMatching(/^\d+$/)],
    ]);
    expect(auxOf(readAll([read('hash_list_pack.rdb')]).events)).toEqual([
      ['redis-ver', '7.2.5'],
      ['redis-bits', '64'],
      ['ctime', expect.stringMatching(/^17\d{8}$/)],
      ['used-mem', expect.stringMatching(/^\d+$/)],
      ['aof-base', '0'],
    ]);
  });

  it('are read the same at every split of their first 200 bytes', () => {
    for (const name of [
      'quicklist_with_one_node.rdb',
      'hash_list_pack.rdb',
      'empty_database.rdb',
    ]) {
      const bytes = read(name).subarray(0, 200);
      const whole = readAll([bytes]);
      for (const { name: split, pieces } of everySplit(bytes)) {
        expect(readAll(pieces), `${name}, ${split}`).toEqual(whole);
      }
    }
  });

  it.each(['easily_compressible_string_key', 'uncompressible_string_keys'])(
    'hold compressed strings that are expanded as a server would: %s',
    (name) => {
      // After SELECTDB 0 and the type comes a key and its value: two strings, as in an aux field.
      const strings = read(`${name}.rdb`).subarray(12);
      const bytes = concatBytes([bytesOf('REDIS0007\xfa'), strings]);
      const [[key, value] = []] = auxOf(readAll([bytes]).events);
      const [database] = JSON.parse(readFileSync(new URL(`json/${name}.json`, folder), 'utf8'));
      expect(Object.keys(database)).toContain(key);
      expect(value).toBe(database[key!]);
    },
  );
});
