import { BLANK_ID } from '@forebay/psync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogError } from '../src/index.ts';
import type { Manifest } from '../src/manifest.ts';
import { formatManifest, parseManifest } from '../src/manifest.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

const manifest: Manifest = {
  history: { id: A, secondId: B, secondIdLimit: 101 },
  base: { name: 'appendonly.aof.3.base.rdb', sequence: 3 },
  increments: [
    { name: 'appendonly.aof.3.incr.aof', sequence: 3, startOffset: 50, database: 2 },
    { name: 'appendonly.aof.4.incr.aof', sequence: 4, startOffset: 200, database: 0 },
  ],
};

const text = formatManifest(manifest);

describe('the manifest', () => {
  it('names the files as servers do, in lines that they can read', () => {
    expect(text.split('\n')).toEqual([
      '# forebay-log 1',
      `# history ${A} ${B} 101`,
      'file appendonly.aof.3.base.rdb seq 3 type b',
      '# increment 3 database 2',
      'file appendonly.aof.3.incr.aof seq 3 type i startoffset 50',
      '# increment 4 database 0',
      'file appendonly.aof.4.incr.aof seq 4 type i startoffset 200',
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
    const history = { id: A, secondId: BLANK_ID, secondIdLimit: -1 };
    expect(parseManifest(formatManifest({ ...manifest, history }), 'm').history).toEqual(history);
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
    ['one without increments', text.split('\n').slice(0, 3).join('\n').concat('\n'), 'CORRUPT'],
    ['one without a base', text.replace('type b', 'type i'), 'CORRUPT'],
    ['an id of no history', text.replace(A, BLANK_ID), 'CORRUPT'],
    ['an id of another length', text.replace(A, 'a'.repeat(39)), 'CORRUPT'],
    [
      'an offset past counting',
      text.replace('startoffset 50', `startoffset ${2 ** 60}`),
      'CORRUPT',
    ],
    ['a name that leads elsewhere', text.replace('appendonly.aof.3.incr', '../../x'), 'CORRUPT'],
    ['a file without its database', text.replace('# increment 4 database 0\n', ''), 'CORRUPT'],
    ['a database of another file', text.replace('# increment 4', '# increment 9'), 'CORRUPT'],
    [
      'an end offset, of a server',
      text.replace('startoffset 200', 'startoffset 200 endoffset 300'),
      'CORRUPT',
    ],
    [
      'a line added by hand',
      text.replace('file appendonly.aof.4', '\nfile appendonly.aof.4'),
      'CORRUPT',
    ],
  ];

  it.each(refused)('%s', (_, given, code) => {
    expect(() => parseManifest(given, 'the/path')).toThrow(
      expect.objectContaining({ name: 'LogError', code, path: 'the/path' }),
    );
  });

  it('is told by our own error, whatever was changed in it', () => {
    const edit = fc.record({
      at: fc.nat(text.length),
      cut: fc.nat(40),
      put: fc.string({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(edit, ({ at, cut, put }) => {
        const edited = text.slice(0, at) + put + text.slice(at + cut);
        try {
          expect(parseManifest(edited, 'm').increments.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(LogError);
        }
      }),
    );
  });

  it('says of a server what happened and what to do', () => {
    expect(() => parseManifest(server, 'm')).toThrow(
      /a server has been started .* only from copies/,
    );
  });
});
