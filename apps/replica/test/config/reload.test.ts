import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Configuration } from '../../src/config/configuration.ts';
import { freshDirectory } from '../daemon.ts';

it('a reload names the files with new content, also after a CONFIG SET', async () => {
  const directory = await freshDirectory();
  await mkdir(directory);
  const [one, other] = [join(directory, 'one'), join(directory, 'other')];
  await writeFile(one, '127.0.0.1:1');
  await writeFile(other, '127.0.0.1:2');
  const flags = new Map([
    ['replicaof-file', one],
    ['dir', 'x'],
  ] as const);
  const configuration = new Configuration({ flags, env: {}, path: undefined });
  const reloaded = () => {
    const { changed, kept, files } = configuration.reload();
    const names = [changed, kept, files].map((settings) => settings.map(({ name }) => name));
    return names.join('; ');
  };
  expect(reloaded()).toBe('; ; ');

  await writeFile(one, '127.0.0.1:3');
  configuration.set(new Map([['retain', '2h']]));
  expect(configuration.config.candidates[0].endpoint).toMatchObject({ port: 1 });
  expect(reloaded()).toBe('retain; ; replicaof-file');
  expect(configuration.config.candidates[0].endpoint).toMatchObject({ port: 3 });
  expect(reloaded()).toBe('; ; ');

  // Another file is another setting.
  configuration.set(new Map([['replicaof-file', other]]));
  expect(reloaded()).toBe('replicaof-file; ; ');
  expect(configuration.config.candidates[0].endpoint).toMatchObject({ port: 3 });
});
