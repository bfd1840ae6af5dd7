import type { CommandCursorOptions } from '../src/index.ts';

/** A stream and the commands in it: arguments, and the bytes each consumes. */
export interface ValidCommands {
  readonly name: string;
  readonly wire: string;
  readonly commands: readonly (readonly [consumed: number, ...args: string[]])[];
  readonly inline?: true;
  readonly options?: CommandCursorOptions;
}

export const VALID_COMMANDS: readonly ValidCommands[] = [
  { name: 'one command', wire: '*1\r\n$4\r\nPING\r\n', commands: [[14, 'PING']] },
  {
    name: 'two commands',
    wire: '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n',
    commands: [
      [23, 'SELECT', '0'],
      [28, 'SET', 'k', 'vv'],
    ],
  },
  { name: 'an empty argument', wire: '*2\r\n$0\r\n\r\n$1\r\na\r\n', commands: [[17, '', 'a']] },
  {
    name: 'an argument of line ends and marks',
    wire: '*1\r\n$9\r\n\r\n*1\r\n$1\n\r\n',
    commands: [[19, '\r\n*1\r\n$1\n']],
  },
  {
    name: 'bytes above 127',
    wire: '*1\r\n$3\r\n\xff\x00\x80\r\n',
    commands: [[13, '\xff\x00\x80']],
  },
  {
    name: 'ten arguments and lengths of two digits',
    wire: `*10\r\n${'$11\r\nabcdefghijk\r\n'.repeat(10)}`,
    commands: [[185, ...Array<string>(10).fill('abcdefghijk')]],
  },
  {
    name: 'more arguments than the table holds at first',
    wire: `*150\r\n${'$1\r\nx\r\n'.repeat(150)}`,
    commands: [[6 + 150 * 7, ...Array<string>(150).fill('x')]],
  },
  { name: 'a count of zero', wire: '*0\r\n*1\r\n$1\r\na\r\n', commands: [[4], [11, 'a']] },
  { name: 'a negative count', wire: '*-1\r\n*-10\r\n', commands: [[5], [6]] },
  {
    name: 'bare newlines before a command',
    wire: '\n\n\r\n*1\r\n$1\r\na\r\n\n*1\r\n$1\r\nb\r\n',
    commands: [
      [15, 'a'],
      [12, 'b'],
    ],
  },
  {
    name: 'an inline command of an old primary',
    wire: 'select 3\r\n',
    commands: [[10, 'select', '3']],
    inline: true,
  },
  { name: 'a line ended by LF alone', wire: 'PING\n', commands: [[5, 'PING']], inline: true },
  {
    name: 'a newline before an inline command',
    wire: '\nPING\r\n',
    commands: [[7, 'PING']],
    inline: true,
  },
  {
    name: 'a line with quotes',
    wire: 'set "a b" \'c\' \t\r\n',
    commands: [[17, 'set', 'a b', 'c']],
    inline: true,
  },
  { name: 'a line of blanks', wire: '  \r\n', commands: [[4]], inline: true },
  {
    name: 'a line as long as allowed',
    wire: 'abcd\r\nabcd\n',
    commands: [
      [6, 'abcd'],
      [5, 'abcd'],
    ],
    inline: true,
    options: { maxInlineLength: 4 },
  },
  {
    name: 'arguments as many and as long as allowed',
    wire: '*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n',
    commands: [[22, 'abc', 'def']],
    options: { maxArguments: 2, maxBulkLength: 3 },
  },
  {
    name: 'arguments longer than is retained',
    wire: '*3\r\n$2\r\nab\r\n$3\r\nabc\r\n$0\r\n\r\n*1\r\n$12\r\nabcdefghijkl\r\n',
    commands: [
      [27, 'ab', '<3>', ''],
      [23, '<12>'],
    ],
    options: { maxRetainedLength: 2 },
  },
  {
    name: 'more arguments than are retained',
    wire: '*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n',
    commands: [[25, 'a', 'b', '<>']],
    options: { maxRetainedArguments: 2 },
  },
  {
    name: 'an inline command longer than is retained',
    wire: 'set abc d\r\n',
    commands: [[11, '<3>', '<3>', '<>']],
    inline: true,
    options: { maxRetainedLength: 2, maxRetainedArguments: 2 },
  },
];

/** A stream, and where it is found to be none; the commands before that are taken. */
export interface InvalidCommands {
  readonly wire: string;
  readonly code: string;
  readonly offset: number;
  readonly options?: CommandCursorOptions;
}

export const INVALID_COMMANDS: readonly InvalidCommands[] = [
  { wire: '*\r\n', code: 'INVALID_COUNT', offset: 1 },
  { wire: '*a\r\n', code: 'INVALID_COUNT', offset: 1 },
  { wire: '*1a\r\n', code: 'INVALID_COUNT', offset: 2 },
  { wire: '*+1\r\n', code: 'INVALID_COUNT', offset: 1 },
  { wire: '*01\r\n', code: 'INVALID_COUNT', offset: 2 },
  { wire: '*-\r\n', code: 'INVALID_COUNT', offset: 2 },
  { wire: '*-0\r\n', code: 'INVALID_COUNT', offset: 2 },
  { wire: '*1 \r\n', code: 'INVALID_COUNT', offset: 2 },
  { wire: '*1\n$1\r\na\r\n', code: 'INVALID_COUNT', offset: 2 },
  { wire: '*1\rx', code: 'INVALID_FRAMING', offset: 3 },
  { wire: `*${'1'.repeat(40)}`, code: 'INVALID_COUNT', offset: 21 },
  { wire: '*1048577\r\n', code: 'TOO_MANY_ARGUMENTS', offset: 1 },
  { wire: '*99999999999999999999\r\n', code: 'TOO_MANY_ARGUMENTS', offset: 1 },
  { wire: '*3\r\n', code: 'TOO_MANY_ARGUMENTS', offset: 1, options: { maxArguments: 2 } },
  { wire: 'a b c\n', code: 'TOO_MANY_ARGUMENTS', offset: 0, options: { maxArguments: 2 } },
  { wire: '*1\r\n:1\r\n', code: 'INVALID_TYPE', offset: 4 },
  { wire: '*1\r\n\r\n', code: 'INVALID_TYPE', offset: 4 },
  { wire: '*1\r\n$\r\n', code: 'INVALID_LENGTH', offset: 5 },
  { wire: '*1\r\n$x\r\n', code: 'INVALID_LENGTH', offset: 5 },
  { wire: '*1\r\n$-1\r\n', code: 'INVALID_LENGTH', offset: 5 },
  { wire: '*1\r\n$00\r\n\r\n', code: 'INVALID_LENGTH', offset: 6 },
  { wire: '*1\r\n$1\n', code: 'INVALID_LENGTH', offset: 6 },
  { wire: '*1\r\n$1\rxa\r\n', code: 'INVALID_FRAMING', offset: 7 },
  { wire: '*1\r\n$536870913\r\n', code: 'BULK_TOO_LONG', offset: 5 },
  { wire: '*1\r\n$4\r\nabcd\r\n', code: 'BULK_TOO_LONG', offset: 5, options: { maxBulkLength: 3 } },
  { wire: '*1\r\n$1\r\nab\r\n', code: 'INVALID_FRAMING', offset: 9 },
  { wire: '*1\r\n$1\r\na\n\n', code: 'INVALID_FRAMING', offset: 9 },
  { wire: '*1\r\n$1\r\na\rb', code: 'INVALID_FRAMING', offset: 10 },
  { wire: '*1\r\n$0\r\na\r\n', code: 'INVALID_FRAMING', offset: 8 },
  { wire: '\n*1\r\n$1\r\na\r\n*x', code: 'INVALID_COUNT', offset: 13 },
  { wire: '\nset "a\r\n', code: 'INVALID_INLINE', offset: 5 },
  { wire: 'set "a"b\r\n', code: 'INVALID_INLINE', offset: 7 },
  { wire: 'a\x00b\r\n', code: 'INVALID_INLINE', offset: 1 },
  { wire: 'abcde\r\n', code: 'LINE_TOO_LONG', offset: 4, options: { maxInlineLength: 4 } },
  { wire: 'abcd\r\r\n', code: 'LINE_TOO_LONG', offset: 4, options: { maxInlineLength: 4 } },
  { wire: 'abcdefghij', code: 'LINE_TOO_LONG', offset: 4, options: { maxInlineLength: 4 } },
];
