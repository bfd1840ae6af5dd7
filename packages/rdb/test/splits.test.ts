import { bytesOf, everySplit } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { collect } from './collect.ts';

const LONG = `\x81${'\xff'.repeat(7)}\xfe`;
const ID = '\xff'.repeat(16);
const TIME = `${'\xff'.repeat(7)}\x7f`;
/** Lengths, strings and ids of bytes that are no beginning of a length or a string. */
const PARTS = [
  '\xfa\x05\xff\xc5\xff\xc6\xff\x04\xff\xff\xff\xff',
  '\xfe\x80\0\0\0\xff',
  '\xfb\x80\0\xff\xff\xff\x80\0\xff\xff\xff',
  '\xf4\x80\0\0\x3f\xff\x80\0\xff\xff\xff\x80\0\xff\xff\xff',
  // A stream with a group, an entry that is pending, and its consumer.
  `\x13\x03\xff\xff\xff\0\0${LONG.repeat(7)}\x01\x02\xff\xff${LONG.repeat(3)}`,
  `\x01${ID}${TIME}\x80\0\0\xff\xff\x01\x03\xff\xff\xff${TIME}\x01${ID}`,
  // A string that is compressed: 30 bytes of one kind.
  '\0\x02\xff\xfe\xc3\x80\0\0\0\x06\x80\0\0\0\x1e\x01\xff\xff\xe0\x13\x01',
] as const;

describe('pieces of any size', () => {
  it('are read as the whole is, whatever the bytes at their ends would mean', () => {
    const rdb = bytesOf(`REDIS0010${PARTS.join('')}\xff${'\0'.repeat(8)}`);
    const whole = collect([rdb]);
    expect(whole.at(-1)).toMatchObject({ type: 'end' });
    for (const { name, pieces } of everySplit(rdb)) {
      expect(collect(pieces), name).toEqual(whole);
      expect(collect(pieces, { level: 'structure' }), name).toEqual(whole);
    }
  });
});
