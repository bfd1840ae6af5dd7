import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory } from '../daemon.ts';

/** Settings in a file, as an operator keeps them: replaced whole. */
export class SettingsFile {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<SettingsFile> {
    const directory = await freshDirectory();
    await mkdir(directory);
    return new SettingsFile(join(directory, 'forebay.toml'));
  }

  async write(settings: Readonly<Record<string, string | number>>): Promise<void> {
    const lines = Object.entries(settings).map(
      ([key, value]) => `${key} = ${JSON.stringify(value)}`,
    );
    await writeFile(`${this.path}.new`, lines.join('\n'));
    await rename(`${this.path}.new`, this.path);
  }

  /** What is in it by now. */
  read(): Promise<string> {
    return readFile(this.path, 'utf8');
  }
}
