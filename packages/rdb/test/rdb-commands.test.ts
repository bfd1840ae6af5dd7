import { bytesOf, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { PlainCommands, RdbCommands, type RdbCommandsOptions } from '../src/commands.ts';
import type { WritableEvent } from '../src/index.ts';
import { payloadElements, restorePayload } from '../src/index.ts';
import { inPieces } from './collect.ts';
import { oneOfAllKinds } from './one-of-all-kinds.ts';
import { takeAll } from './take-all.ts';
import { written } from './write.ts';

const EXPIRES = 5_000_000_000_000;
const EVENTS: WritableEvent[] = [
  { type: 'function', code: bytesOf('#!lua name=f') },
  { type: 'key', key: bytesOf('s'), dataType: 'string', database: 2, expiresAt: EXPIRES },
  { type: 'value', value: bytesOf('v') },
  { type: 'key-end' },
  { type: 'key', key: bytesOf('h'), dataType: 'hash', database: 2, fieldsExpire: true },
  { type: 'field', field: bytesOf('a'), value: bytesOf('1'), expiresAt: undefined },
  { type: 'field', field: bytesOf('b'), value: bytesOf('2'), expiresAt: EXPIRES },
  { type: 'key-end' },
  { type: 'key', key: bytesOf('z'), dataType: 'zset', database: 3 },
  { type: 'scored', member: bytesOf('m'), score: -0 },
  { type: 'scored', member: bytesOf('n'), score: Number.POSITIVE_INFINITY },
  { type: 'key-end' },
];
const RDB = written({ magic: 'REDIS', version: 12 }, EVENTS);

/** The commands, each with its arguments between blanks. */
function commandsOf(rdb: Uint8Array, options: RdbCommandsOptions, length = rdb.length): string[] {
  const text = textOf(takeAll(new RdbCommands(options), inPieces(rdb, length)));
  return text
    .split(/^\*\d+\r\n/m)
    .slice(1)
    .map((command) =>
      command
        .replace(/\$\d+\r\n/g, '')
        .replaceAll('\r\n', ' ')
        .trimEnd(),
    );
}

describe('RdbCommands', () => {
  it('writes client commands', () => {
    expect(commandsOf(RDB, { plain: true })).toEqual([
      'FUNCTION LOAD #!lua name=f',
      'SELECT 2',
      'SET s v',
      `PEXPIREAT s ${EXPIRES}`,
      'HMSET h a 1 b 2',
      `HPEXPIREAT h ${EXPIRES} FIELDS 1 b`,
      'SELECT 3',
      'ZADD z -0 m inf n',
    ]);
  });

  it('on request replaces existing keys, leaves out functions, and creates only the selected keys', () => {
    const options: RdbCommandsOptions = {
      plain: true,
      replace: true,
      functions: false,
      selects: ({ database }) => database === 3,
    };
    expect(commandsOf(RDB, options)).toEqual(['SELECT 3', 'DEL z', 'ZADD z -0 m inf n']);
    const [load] = commandsOf(RDB, { replace: true });
    expect(load).toBe('FUNCTION LOAD REPLACE #!lua name=f');
  });

  it('writes a RESTORE for each key by default', () => {
    const payload = textOf(restorePayload(0, bytesOf('\x01v'), 12));
    const all = textOf(takeAll(new RdbCommands(), [RDB]));
    const restore = `RESTORE\r\n$1\r\ns\r\n$13\r\n${EXPIRES}\r\n$${payload.length}\r\n${payload}\r\n$6\r\nABSTTL`;
    expect(all).toContain(restore);
    expect(all.match(/RESTORE/g)).toHaveLength(3);
  });

  it('gives the same bytes however the RDB is cut', () => {
    const kinds = oneOfAllKinds();
    for (const plain of [true, false]) {
      const whole = takeAll(new RdbCommands({ plain }), [kinds]);
      for (const length of [1, 3, 50]) {
        expect(takeAll(new RdbCommands({ plain }), inPieces(kinds, length))).toEqual(whole);
      }
    }
  });
});

it('PlainCommands creates a key from a payload of DUMP or from any other elements', () => {
  const key = { key: bytesOf('k'), dataType: 'list', expiresAt: undefined } as const;
  const payload = restorePayload(1, bytesOf('\x02\x01a\x01b'), 9);
  const parts = [...new PlainCommands().commandsOf(key, () => payloadElements(payload))];
  expect(parts.map(textOf).join('')).toBe('*4\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\nb\r\n');
});
