import { chmod, lstat, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import type { TomlValue } from '../../src/config/rewrite.ts';
import { rewriteConfigFile, rewritten } from '../../src/config/rewrite.ts';
import { EXIT } from '../../src/exit.ts';
import { freshDirectory } from '../daemon.ts';

describe('a key is given another value, and the rest stays', () => {
  it.each<[what: string, before: string, key: string, value: TomlValue, after: string]>([
    ['where it stands', 'a = 1\nb = 2\n', 'a', 3, 'a = 3\nb = 2\n'],
    ['before its comment', 'a = "x#y"  # why\n', 'a', 'z', 'a = "z"  # why\n'],
    [
      'of a list over lines',
      'a = [ # first\n  "1",\n  "2",\n]\nb = 1\n',
      'a',
      ['3'],
      'a = [ "3" ]\nb = 1\n',
    ],
    ['of a long text', 'a = """\nx\n"""\nb = 1\n', 'a', 'y', 'a = "y"\nb = 1\n'],
    ['in quotes', '"a" = 1\n', 'a', 2, 'a = 2\n'],
    ['that is not there', '# why\nb = 1\n', 'a', true, '# why\nb = 1\na = true\n'],
    ['after a line without an end', 'b = 1', 'a', 1, 'b = 1\na = 1\n'],
    ['in a file of nothing', '', 'a', 1, 'a = 1\n'],
    ['with Windows line ends', 'a = 1\r\nb = 2\r\n', 'a', 3, 'a = 3\r\nb = 2\r\n'],
  ])('%s', (_, before, key, value, after) => {
    const result = rewritten(before, new Map([[key, value]]));
    expect(result).toBe(after);
    expect(parse(result)).toEqual({ ...parse(before), [key]: value });
  });

  it('or nothing is written, where its name is in the middle of a text', () => {
    const text = 'b = """\na = 1\n"""\na = 2\n';
    expect(() => rewritten(text, new Map([['a', 3]]))).toThrow(/cannot be kept/);
  });
});

describe('the file', () => {
  it('keeps its mode, and a link to it stays one', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const [real, link] = [join(directory, 'real.toml'), join(directory, 'link.toml')];
    await writeFile(real, 'a = 1\n');
    await chmod(real, 0o600);
    await symlink(real, link);
    rewriteConfigFile(link, new Map([['a', 2]]));
    expect(await readFile(real, 'utf8')).toBe('a = 2\n');
    expect((await stat(real)).mode & 0o777).toBe(0o600);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
  });

  it('keeps a mode that the umask would take away', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const file = join(directory, 'forebay.toml');
    await writeFile(file, 'a = 1\n');
    await chmod(file, 0o664);
    // What lies under the name of the new file is not written through.
    const elsewhere = join(directory, 'elsewhere');
    await symlink(elsewhere, `${file}.${process.pid}.new`);
    rewriteConfigFile(file, new Map([['a', 2]]));
    expect((await stat(file)).mode & 0o777).toBe(0o664);
    expect((await lstat(file)).isFile()).toBe(true);
    await expect(stat(elsewhere)).rejects.toThrow('ENOENT');
  });

  it('that is gone is an error of the configuration', () => {
    const rewrite = () => rewriteConfigFile('/none/forebay.toml', new Map([['a', 2]]));
    expect(rewrite).toThrow(expect.objectContaining({ exitCode: EXIT.configuration }));
  });
});
