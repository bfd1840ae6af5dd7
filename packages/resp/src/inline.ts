import { RespError } from './errors.ts';

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const SPACE = 32;
/** What the letter after a backslash stands for; any other stands for itself. */
const ESCAPES = new Map([
  [110, 10], // \n
  [114, 13], // \r
  [116, 9], // \t
  [98, 8], // \b
  [97, 7], // \a
]);

/**
 * The arguments of an inline command, by the servers' rules (`sds.c: sdssplitargs`): words between
 * blanks; `"..."` with `\n \r \t \b \a`, `\xHH` and `\` before any other character; `'...'` with
 * `\'` alone. A quote may begin within a word, and a blank or the end has to follow its close.
 *
 * The arguments are copies. A line of blanks has none.
 *
 * @param line the line without its LF
 * @throws {RespError} `INVALID_INLINE` for a quote that is not closed or is closed before more text,
 *   and for a NUL, at which servers would stop reading; `offset` counts from the start of the line
 */
export function splitInline(line: Uint8Array): Uint8Array[] {
  const nul = line.indexOf(0);
  if (nul >= 0) throw new RespError('INVALID_INLINE', 'an inline command holds a NUL', nul);
  const words: Uint8Array[] = [];
  const word = new Uint8Array(line.length);
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at]!)) at++;
    if (at === line.length) return words;
    let length = 0;
    while (at < line.length && !endsWord(line[at]!)) {
      const byte = line[at]!;
      if (byte !== QUOTE && byte !== APOSTROPHE) {
        word[length++] = byte;
        at++;
        continue;
      }
      const opened = at++;
      while (at < line.length && line[at] !== byte) {
        const escaped = byte === QUOTE ? escapeAt(line, at) : apostropheAt(line, at);
        word[length++] = escaped === undefined ? line[at]! : escaped.byte;
        at += escaped === undefined ? 1 : escaped.length;
      }
      if (at >= line.length) {
        throw new RespError('INVALID_INLINE', 'a quote of an inline command is not closed', opened);
      }
      at++;
      if (at < line.length && !isBlank(line[at]!)) {
        throw new RespError('INVALID_INLINE', 'text follows the close of a quote', at);
      }
    }
    words.push(word.slice(0, length));
  }
}

/** What C's `isspace` holds for a blank. */
function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= 9 && byte <= 13);
}

/** Outside of quotes vertical tab and form feed separate words, but do not end one. */
function endsWord(byte: number): boolean {
  return byte === SPACE || byte === 9 || byte === 10 || byte === 13;
}

function escapeAt(line: Uint8Array, at: number): { byte: number; length: number } | undefined {
  if (line[at] !== BACKSLASH || at + 1 >= line.length) return undefined;
  const letter = line[at + 1]!;
  if (letter === 120) {
    const high = hexDigit(line[at + 2]);
    const low = hexDigit(line[at + 3]);
    if (high >= 0 && low >= 0) return { byte: high * 16 + low, length: 4 };
  }
  return { byte: ESCAPES.get(letter) ?? letter, length: 2 };
}

function apostropheAt(line: Uint8Array, at: number): { byte: number; length: number } | undefined {
  if (line[at] !== BACKSLASH || line[at + 1] !== APOSTROPHE) return undefined;
  return { byte: APOSTROPHE, length: 2 };
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
