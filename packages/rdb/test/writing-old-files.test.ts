import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { collect } from './collect.ts';
import { contentsOf, rewritten, TARGETS } from './write.ts';

/** Files of servers too old to be run, which are there where the project is built by its authors. */
const FOLDER = new URL('../../../../shared/fixtures/rdb/', import.meta.url);
const names = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.rdb')) : [];

describe.skipIf(names.length === 0)('files of old servers', () => {
  it.each(names)('%s says the same when it is written for any version', (name) => {
    const rdb = readFileSync(new URL(name, FOLDER));
    const isHint = (type: string) => type === 'aux' || type === 'sizes' || type === 'end';
    const before = contentsOf(collect([rdb])).filter(({ type }) => !isHint(type));
    for (const target of TARGETS) {
      for (const raw of [false, true]) {
        const after = collect([rewritten(rdb, target, { raw })]);
        expect(contentsOf(after).filter(({ type }) => !isHint(type))).toEqual(before);
        expect(after.at(-1)).toEqual({ type: 'end', checksum: 'right' });
      }
    }
  });
});
