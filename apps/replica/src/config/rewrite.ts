import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify, TomlError } from 'smol-toml';
import { EXIT, ExitError } from '../exit.ts';
import { lineOf } from './file.ts';
import { readText } from './named-files.ts';

/** A value as a file of settings has it. */
export type TomlValue = boolean | number | string | string[];

/**
 * Gives keys of a file other values, and leaves the rest as it is, comments and order too. The file is
 * replaced whole, with the mode that it has, which is returned; a link to it stays one.
 *
 * @throws {ExitError} configuration: it cannot be read or written, and is as it was
 */
export function rewriteConfigFile(path: string, changes: ReadonlyMap<string, TomlValue>): number {
  const before = readText('--config', path);
  return replaceFile(path, rewritten(before, changes));
}

/** @throws {ExitError} configuration: what would come of it is not what was asked for */
export function rewritten(text: string, changes: ReadonlyMap<string, TomlValue>): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  let lines = text.split(/\r?\n/);
  for (const [key, value] of changes) lines = withKey(lines, key, value);
  const result = lines.join(lineEnd);
  // A key may have been looked for in the middle of a long string: what is written is read back.
  const expected = { ...parsed(text), ...Object.fromEntries(changes) };
  if (isDeepStrictEqual({ ...parsed(result) }, expected)) return result;
  throw new ExitError(EXIT.configuration, 'the file is written in a way that cannot be kept');
}

function withKey(lines: readonly string[], key: string, value: TomlValue): string[] {
  const line = stringify({ [key]: value }).trimEnd();
  const at = lineOf(lines.join('\n'), key) - 1;
  if (at < 0) return appended(lines, line);
  const count = lengthOf(lines.slice(at), key);
  const comment = count === 1 ? commentOf(lines[at]!) : '';
  return lines.toSpliced(at, count, `${line}${comment}`);
}

/** Before the line end of the last line, or after a line that has none. */
function appended(lines: readonly string[], line: string): string[] {
  return lines.at(-1) === '' ? lines.toSpliced(-1, 0, line) : [...lines, line, ''];
}

/** Lines that a key's value takes: a list may be over several. */
function lengthOf(lines: readonly string[], key: string): number {
  for (let count = 1; count <= lines.length; count++) {
    const found = parsed(lines.slice(0, count).join('\n'));
    if (found !== undefined && key in found) return count;
  }
  return 1;
}

/** What follows a value on its line, from the blanks before the `#` on. */
function commentOf(line: string): string {
  for (let at = line.indexOf('#'); at >= 0; at = line.indexOf('#', at + 1)) {
    const before = line.slice(0, at);
    if (parsed(before) !== undefined) return line.slice(before.trimEnd().length).trimEnd();
  }
  return '';
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return undefined;
  }
}

/** As far as we may: who is not root owns what he makes. */
function keepOwner(file: number, uid: number, gid: number): void {
  try {
    fchownSync(file, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

function replaceFile(path: string, text: string): number {
  let temporary: string | undefined;
  try {
    const real = realpathSync(path);
    temporary = `${real}.${process.pid}.new`;
    const { mode, uid, gid } = statSync(real);
    // A link that lies there is not followed; what is left of a process of the same id is in the way of nobody.
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'wx', 0o600);
    try {
      fchmodSync(file, mode & 0o7777);
      keepOwner(file, uid, gid);
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, real);
    return mode & 0o7777;
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.configuration, `${path} cannot be written: ${code}`, error);
  }
}
