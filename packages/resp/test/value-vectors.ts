import { bytesOf } from '@forebay/testkit';
import type { RespDecoderOptions, RespValue } from '../src/index.ts';

const simple = (text: string): RespValue => ({ type: 'simple', text });
const bulk = (text: string): RespValue => ({ type: 'bulk', bytes: bytesOf(text) });
const number = (value: number | bigint): RespValue => ({ type: 'number', value });

/** One value on the wire, and how it is written again for each version where that differs. */
export interface ValidValue {
  readonly wire: string;
  readonly value: RespValue;
  /** What `encodeValue` makes of it for version 3; `wire` unless given. */
  readonly wire3?: string;
  /** The same for version 2; `wire3` unless given. */
  readonly wire2?: string;
}

export const VALID_VALUES: readonly ValidValue[] = [
  { wire: '+OK\r\n', value: simple('OK') },
  { wire: '+\r\n', value: simple('') },
  { wire: '+\xc3\xa9\r\n', value: simple('é') },
  {
    wire: '-LOADING Redis is loading\r\n',
    value: { type: 'error', code: 'LOADING', message: 'LOADING Redis is loading' },
  },
  { wire: '-ERR\r\n', value: { type: 'error', code: 'ERR', message: 'ERR' } },
  { wire: '$3\r\na\r\n\r\n', value: bulk('a\r\n') },
  { wire: '$0\r\n\r\n', value: bulk('') },
  {
    wire: '$200\r\n'.concat('x'.repeat(200), '\r\n'),
    value: bulk('x'.repeat(200)),
  },
  { wire: '$-1\r\n', value: { type: 'null', of: 'bulk' }, wire3: '_\r\n', wire2: '$-1\r\n' },
  { wire: '*-1\r\n', value: { type: 'null', of: 'array' }, wire3: '_\r\n', wire2: '*-1\r\n' },
  { wire: '_\r\n', value: { type: 'null' }, wire2: '$-1\r\n' },
  { wire: ':0\r\n', value: number(0) },
  { wire: ':-12\r\n', value: number(-12) },
  { wire: ':+7\r\n', value: number(7), wire3: ':7\r\n' },
  { wire: ':9007199254740991\r\n', value: number(Number.MAX_SAFE_INTEGER) },
  { wire: ':9007199254740992\r\n', value: number(9007199254740992n) },
  { wire: ':9223372036854775807\r\n', value: number(2n ** 63n - 1n) },
  { wire: ':-9223372036854775808\r\n', value: number(-(2n ** 63n)) },
  { wire: '#t\r\n', value: { type: 'boolean', value: true }, wire2: ':1\r\n' },
  { wire: '#f\r\n', value: { type: 'boolean', value: false }, wire2: ':0\r\n' },
  { wire: ',1.5\r\n', value: { type: 'double', value: 1.5 }, wire2: '$3\r\n1.5\r\n' },
  { wire: ',-0\r\n', value: { type: 'double', value: -0 }, wire2: '$2\r\n-0\r\n' },
  { wire: ',1e+30\r\n', value: { type: 'double', value: 1e30 }, wire2: '$5\r\n1e+30\r\n' },
  {
    wire: ',+.5E0\r\n',
    value: { type: 'double', value: 0.5 },
    wire3: ',0.5\r\n',
    wire2: '$3\r\n0.5\r\n',
  },
  {
    wire: ',10.\r\n',
    value: { type: 'double', value: 10 },
    wire3: ',10\r\n',
    wire2: '$2\r\n10\r\n',
  },
  { wire: ',inf\r\n', value: { type: 'double', value: Infinity }, wire2: '$3\r\ninf\r\n' },
  { wire: ',-inf\r\n', value: { type: 'double', value: -Infinity }, wire2: '$4\r\n-inf\r\n' },
  { wire: ',nan\r\n', value: { type: 'double', value: NaN }, wire2: '$3\r\nnan\r\n' },
  {
    wire: ',-nan\r\n',
    value: { type: 'double', value: NaN },
    wire3: ',nan\r\n',
    wire2: '$3\r\nnan\r\n',
  },
  {
    wire: '(-3492890328409238509324850943850943825024385\r\n',
    value: { type: 'big-number', value: -3492890328409238509324850943850943825024385n },
    wire2: '$44\r\n-3492890328409238509324850943850943825024385\r\n',
  },
  {
    wire: '!11\r\nERR a\r\nb c!\r\n',
    value: { type: 'bulk-error', code: 'ERR', message: 'ERR a\r\nb c!' },
    wire2: '-ERR a  b c!\r\n',
  },
  {
    wire: '=7\r\ntxt:a\r\n\r\n',
    value: { type: 'verbatim', format: 'txt', bytes: bytesOf('a\r\n') },
    wire2: '$3\r\na\r\n\r\n',
  },
  {
    wire: '=4\r\nmkd:\r\n',
    value: { type: 'verbatim', format: 'mkd', bytes: bytesOf('') },
    wire2: '$0\r\n\r\n',
  },
  { wire: '*0\r\n', value: { type: 'array', items: [] } },
  {
    wire: '*3\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n',
    value: {
      type: 'array',
      items: [number(1), { type: 'array', items: [bulk('a')] }, { type: 'array', items: [] }],
    },
  },
  {
    wire: '~2\r\n+a\r\n+a\r\n',
    value: { type: 'set', items: [simple('a'), simple('a')] },
    wire2: '*2\r\n+a\r\n+a\r\n',
  },
  {
    wire: '>2\r\n+message\r\n$1\r\nx\r\n',
    value: { type: 'push', items: [simple('message'), bulk('x')] },
    wire2: '*2\r\n+message\r\n$1\r\nx\r\n',
  },
  {
    wire: '%2\r\n+a\r\n:1\r\n*1\r\n_\r\n#t\r\n',
    value: {
      type: 'map',
      entries: [
        [simple('a'), number(1)],
        [
          { type: 'array', items: [{ type: 'null' }] },
          { type: 'boolean', value: true },
        ],
      ],
    },
    wire2: '*4\r\n+a\r\n:1\r\n*1\r\n$-1\r\n:1\r\n',
  },
  { wire: '%0\r\n', value: { type: 'map', entries: [] }, wire2: '*0\r\n' },
  {
    wire: '|1\r\n+ttl\r\n:3600\r\n*1\r\n|1\r\n+a\r\n+b\r\n:2\r\n',
    value: {
      type: 'array',
      items: [{ type: 'number', value: 2, attributes: [[simple('a'), simple('b')]] }],
      attributes: [[simple('ttl'), number(3600)]],
    },
    wire2: '*1\r\n:2\r\n',
  },
  {
    wire: '|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n+OK\r\n',
    value: {
      type: 'simple',
      text: 'OK',
      attributes: [
        [simple('a'), number(1)],
        [simple('b'), number(2)],
      ],
    },
    wire3: '|2\r\n+a\r\n:1\r\n+b\r\n:2\r\n+OK\r\n',
    wire2: '+OK\r\n',
  },
  {
    wire: '|0\r\n#t\r\n',
    value: { type: 'boolean', value: true, attributes: [] },
    wire2: ':1\r\n',
  },
  {
    wire: '$?\r\n;4\r\nHell\r\n;7\r\no\r\nwor\r\r\n;0\r\n',
    value: { type: 'bulk', bytes: bytesOf('Hello\r\nwor\r'), streamed: true },
    wire3: '$?\r\n;11\r\nHello\r\nwor\r\r\n;0\r\n',
    wire2: '$11\r\nHello\r\nwor\r\r\n',
  },
  {
    wire: '$?\r\n;0\r\n',
    value: { type: 'bulk', bytes: bytesOf(''), streamed: true },
    wire2: '$0\r\n\r\n',
  },
  {
    wire: '*?\r\n:1\r\n~?\r\n.\r\n%?\r\n+k\r\n$?\r\n;1\r\nv\r\n;0\r\n.\r\n.\r\n',
    value: {
      type: 'array',
      streamed: true,
      items: [
        number(1),
        { type: 'set', items: [], streamed: true },
        {
          type: 'map',
          streamed: true,
          entries: [[simple('k'), { type: 'bulk', bytes: bytesOf('v'), streamed: true }]],
        },
      ],
    },
    wire2: '*3\r\n:1\r\n*0\r\n*2\r\n+k\r\n$1\r\nv\r\n',
  },
];

/** A stream that is none, where that shows, and the limits it is held to. */
export interface InvalidValue {
  readonly wire: string;
  readonly code: string;
  readonly offset: number;
  readonly options?: RespDecoderOptions;
}

export const INVALID_VALUES: readonly InvalidValue[] = [
  { wire: 'PING\r\n', code: 'INVALID_TYPE', offset: 0 },
  { wire: '\n+OK\r\n', code: 'INVALID_TYPE', offset: 0 },
  { wire: ';1\r\na\r\n', code: 'INVALID_TYPE', offset: 0 },
  { wire: '.\r\n', code: 'INVALID_TYPE', offset: 0 },
  { wire: '*1\r\n.\r\n', code: 'INVALID_TYPE', offset: 4 },
  { wire: '*?\r\n|0\r\n.\r\n', code: 'INVALID_TYPE', offset: 8 },
  { wire: '.x', code: 'INVALID_FRAMING', offset: 1 },
  { wire: '+a\n', code: 'INVALID_FRAMING', offset: 2 },
  { wire: '+a\rb', code: 'INVALID_FRAMING', offset: 3 },
  { wire: '+abcd\r\n', code: 'LINE_TOO_LONG', offset: 4, options: { maxLineLength: 3 } },
  { wire: '(123456', code: 'LINE_TOO_LONG', offset: 5, options: { maxLineLength: 4 } },
  { wire: ':\r\n', code: 'INVALID_NUMBER', offset: 1 },
  { wire: ':1x\r\n', code: 'INVALID_NUMBER', offset: 1 },
  { wire: ':01\r\n', code: 'INVALID_NUMBER', offset: 1 },
  { wire: ':-0\r\n', code: 'INVALID_NUMBER', offset: 1 },
  { wire: ':1.0\r\n', code: 'INVALID_NUMBER', offset: 1 },
  { wire: ':9223372036854775808\r\n', code: 'INVALID_NUMBER', offset: 1 },
  { wire: `:${'9'.repeat(400)}\r\n`, code: 'INVALID_NUMBER', offset: 1 },
  { wire: ',\r\n', code: 'INVALID_DOUBLE', offset: 1 },
  { wire: ',0x10\r\n', code: 'INVALID_DOUBLE', offset: 1 },
  { wire: ',1e\r\n', code: 'INVALID_DOUBLE', offset: 1 },
  { wire: ',infinity\r\n', code: 'INVALID_DOUBLE', offset: 1 },
  { wire: ',toString\r\n', code: 'INVALID_DOUBLE', offset: 1 },
  { wire: '(1.5\r\n', code: 'INVALID_BIG_NUMBER', offset: 1 },
  { wire: '(\r\n', code: 'INVALID_BIG_NUMBER', offset: 1 },
  { wire: '#x\r\n', code: 'INVALID_BOOLEAN', offset: 1 },
  { wire: '#\r\n', code: 'INVALID_BOOLEAN', offset: 1 },
  { wire: '_x\r\n', code: 'INVALID_NULL', offset: 1 },
  { wire: '$\r\n', code: 'INVALID_LENGTH', offset: 1 },
  { wire: '$-2\r\n', code: 'INVALID_LENGTH', offset: 1 },
  { wire: '!-1\r\n', code: 'INVALID_LENGTH', offset: 1 },
  { wire: '!?\r\n', code: 'INVALID_LENGTH', offset: 1 },
  { wire: '$1?\r\n', code: 'INVALID_LENGTH', offset: 2 },
  { wire: `$${'1'.repeat(50)}`, code: 'INVALID_LENGTH', offset: 21 },
  { wire: '$536870913\r\n', code: 'BULK_TOO_LONG', offset: 1 },
  {
    wire: '$?\r\n;2\r\nab\r\n;2\r\n',
    code: 'BULK_TOO_LONG',
    offset: 13,
    options: { maxBulkLength: 3 },
  },
  { wire: '$?x', code: 'INVALID_FRAMING', offset: 2 },
  { wire: '$?\r\n+a\r\n', code: 'INVALID_TYPE', offset: 4 },
  { wire: '$?\r\n;-1\r\n', code: 'INVALID_LENGTH', offset: 5 },
  { wire: '$1\r\nab\r\n', code: 'INVALID_FRAMING', offset: 5 },
  { wire: '=3\r\ntxt\r\n', code: 'INVALID_VERBATIM', offset: 1 },
  { wire: '=5\r\ntxt-a\r\n', code: 'INVALID_VERBATIM', offset: 7 },
  { wire: '*x\r\n', code: 'INVALID_COUNT', offset: 1 },
  { wire: '*-2\r\n', code: 'INVALID_COUNT', offset: 1 },
  { wire: '%-1\r\n', code: 'INVALID_COUNT', offset: 1 },
  { wire: '*2147483648\r\n', code: 'TOO_MANY_ELEMENTS', offset: 1 },
  { wire: '%3\r\n', code: 'TOO_MANY_ELEMENTS', offset: 1, options: { maxElements: 2 } },
  { wire: '%?\r\n+k\r\n.\r\n', code: 'INVALID_MAP', offset: 8 },
  { wire: '*1\r\n'.repeat(33), code: 'TOO_DEEP', offset: 129 },
  { wire: '*1\r\n|1\r\n+a\r\n', code: 'TOO_DEEP', offset: 5, options: { maxDepth: 1 } },
];
