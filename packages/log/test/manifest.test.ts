import { BLANK_ID } from '@forebay/psync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogError } from '../src/index.ts';
import { checksumLine, formatManifest } from '../src/manifest/format.ts';
import type { Manifest } from '../src/manifest/manifest.ts';
import { parseManifest } from '../src/manifest/parse.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

const manifest: Manifest = {
  live: {
    number: 3,
    ids: [
      { id: B, from: 50 },
      { id: A, from: 100 },
    ],
    aliases: [{ id: 'd'.repeat(40), from: 200 }],
    bases: [base(3, 50), base(7, 300)],
    increments: [increment(4, 50, 2), increment(8, 300, 0)],
  },
  past: [
    {
      ...{ number: 1, ids: [{ id: 'c'.repeat(40), from: 7 }], aliases: [], bases: [base(1, 7)] },
      ...{ increments: [increment(2, 7, 0)], by: 'reset', end: 99, ended: 1700000000000 },
      reason: 'the primary does not go on after 99',
    },
    {
      ...{
        number: 2,
        ids: [{ id: B, from: 50 }],
        aliases: [],
        bases: [],
        increments: [increment(5, 100, 1)],
      },
      ...{ by: 'rewound', end: 140, ended: 1700000000001, reason: 'a step back' },
    },
  ],
};

function base(sequence: number, offset: number) {
  const name = `appendonly.aof.${sequence}.base.rdb`;
  return { name, sequence, offset, size: 18, crc: 4294967295, time: 1700000000002 };
}

function increment(sequence: number, startOffset: number, database: number) {
  const name = `appendonly.aof.${sequence}.incr.aof`;
  return { name, index: `appendonly.aof.${sequence}.index`, sequence, startOffset, database };
}

const text = formatManifest(manifest);

const body = text.replace(/# crc32 .*\n$/, '');

function signed(lines: string): string {
  return `${lines}${checksumLine(lines)}\n`;
}

/** Edited by one who knows the checksum. */
function edited(what: string | RegExp, by: string): string {
  return signed(body.replace(what, by));
}

describe('the manifest', () => {
  it('names the newest base and what follows it, in lines that servers read', () => {
    expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      'file appendonly.aof.7.base.rdb seq 7 type b',
      'file appendonly.aof.8.incr.aof seq 8 type i startoffset 300',
      '',
    ]);
  });

  it('has no blank line and none that servers find too long', () => {
    const lines = text.slice(0, -1).split('\n');
    for (const line of lines) {
      expect(line.length).toBeGreaterThan(0);
      expect(line.length).toBeLessThan(1023);
    }
  });

  it('reads as it was written', () => {
    expect(parseManifest(text, 'm')).toEqual(manifest);
    const closed = { ...manifest, closedSize: 1234 };
    expect(parseManifest(formatManifest(closed), 'm')).toEqual(closed);
  });
});

describe('what is no manifest of ours', () => {
  const server =
    'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n';
  const refused: [what: string, text: string, code: string][] = [
    ['one of a server', server, 'FOREIGN'],
    ['an empty file', '', 'FOREIGN'],
    ['one of a later format', text.replace('forebay-log 1', 'forebay-log 2'), 'NEWER_VERSION'],
    ['one cut short', text.slice(0, -10), 'CORRUPT'],
    ['one with a digit changed', text.replace('offset 300', 'offset 301'), 'CORRUPT'],
    ['one with a line end of another kind', text.replaceAll('\n', '\r\n'), 'FOREIGN'],
    ['an end offset, of a server', text.replace('set 300\n', 'set 300 endoffset 400\n'), 'FOREIGN'],
    ['one without increments', edited(/# increment.*\n/g, ''), 'CORRUPT'],
    ['one without a base', edited(/.*base\.rdb.*\n/g, ''), 'CORRUPT'],
    ['an id of no history', edited(A, BLANK_ID), 'CORRUPT'],
    ['an id of another length', edited(A, 'a'.repeat(39)), 'CORRUPT'],
    ['an offset past counting', edited('size 18', `size ${2 ** 60}`), 'CORRUPT'],
    ['a name that leads elsewhere', edited(/appendonly.aof.8.incr/g, '../../x'), 'CORRUPT'],
    ['a server line of another file', edited('file appendonly.aof.8', 'file other.8'), 'CORRUPT'],
    ['a server line that is not there', edited(/file .*type i.*\n/, ''), 'CORRUPT'],
    ['a blank line', edited('file appendonly.aof.8', '\nfile appendonly.aof.8'), 'CORRUPT'],
  ];

  it.each(refused)('%s', (_, given, code) => {
    expect(() => parseManifest(given, 'the/path')).toThrow(
      expect.objectContaining({ name: 'LogError', code, path: 'the/path' }),
    );
  });

  const edit = fc.record({
    at: fc.nat(text.length),
    cut: fc.nat(40),
    put: fc.string({ maxLength: 8 }),
  });

  it('is whatever differs from what was written', () => {
    fc.assert(
      fc.property(edit, ({ at, cut, put }) => {
        const other = text.slice(0, at) + put + text.slice(at + cut);
        fc.pre(other !== text);
        expect(() => parseManifest(other, 'm')).toThrow(LogError);
      }),
    );
  });

  it('is told by our own error even where the checksum fits', () => {
    fc.assert(
      fc.property(edit, ({ at, cut, put }) => {
        try {
          const other = signed(body.slice(0, at) + put + body.slice(at + cut));
          expect(parseManifest(other, 'm').live.increments.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(LogError);
        }
      }),
    );
  });

  it('says of a server what happened and what to do', () => {
    expect(() => parseManifest(server, 'm')).toThrow(
      /a server has been started .* only from what forebay restore writes/,
    );
  });
});
