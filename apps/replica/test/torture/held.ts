import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Server } from '@forebay/conformance';
import { APPEND_DIRECTORY } from '@forebay/log';
import { acknowledged } from './followed.ts';

/** What each increment begins with; a load has databases of one digit. */
const PREAMBLE = '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n';
const INCREMENT = /^# increment (\S+) index (\S+) seq \d+ offset (\d+) /gm;

/** The two files that a log is writing to, as they stand on the disk. */
export interface LastFiles {
  readonly size: number;
  readonly indexSize: number;
  /** Offset of the last byte in the file. */
  readonly offset: number;
}

/** Looks at a directory as anybody can, without asking the daemon. */
export async function lastFiles(directory: string): Promise<LastFiles> {
  const folder = join(directory, APPEND_DIRECTORY);
  const manifest = await readFile(join(folder, 'appendonly.aof.manifest'), 'utf8');
  const [, name = '', index = '', start] = [...manifest.matchAll(INCREMENT)].at(-1) ?? [];
  const { size } = await stat(join(folder, name));
  const { size: indexSize } = await stat(join(folder, index));
  return { size, indexSize, offset: Number(start) + size - PREAMBLE.length };
}

/** Holds what a primary has heard against what there is, again and again while something happens. */
export class Audit {
  readonly #primary: Server;
  readonly #directory: string;
  readonly #running: Promise<void>;
  #ended = false;
  /** The highest offset that the primary was ever told. */
  #acknowledged = -1;
  #worst = 0;

  constructor(primary: Server, directory: string) {
    this.#primary = primary;
    this.#directory = directory;
    this.#running = this.#run();
  }

  /** Ends it: by how many bytes the directory was ever behind the acknowledgements; 0 is well. */
  async end(): Promise<number> {
    this.#ended = true;
    await this.#running;
    return this.#worst;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      this.#acknowledged = Math.max(this.#acknowledged, await acknowledged(this.#primary));
      const { offset } = await lastFiles(this.#directory);
      this.#worst = Math.max(this.#worst, this.#acknowledged - offset);
      await pause(1);
    }
  }
}
