import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const run = promisify(execFile);

/** Bytes that a file on it grows by at a time. */
export const PAGE = 4096;

/** A file system of a few megabytes, which is filled and emptied by a file beside the log. */
export class SmallDisk {
  readonly directory: string;
  readonly #root: string;
  readonly #filler: string;

  private constructor(root: string) {
    this.#root = root;
    this.#filler = join(root, 'filler');
    this.directory = join(root, 'data');
  }

  /** Mounts one for this test. */
  static async mount(megabytes: number): Promise<SmallDisk> {
    const root = await mkdtemp(join(tmpdir(), 'forebay-disk-'));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    await mountAt(root, megabytes);
    onTestFinished(() => unmount(root));
    return new SmallDisk(root);
  }

  /** Leaves so many bytes free, in whole pages. */
  async fillUpTo(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#root);
    const filler = Math.max(0, bavail * bsize - bytes);
    await writeFile(this.#filler, Buffer.alloc(filler));
  }

  /** Takes the filler away. */
  async empty(): Promise<void> {
    await rm(this.#filler);
  }
}

/** Why none can be mounted here, in a few words; undefined where one can. */
export async function reasonAgainstMounts(): Promise<string | undefined> {
  const root = await mkdtemp(join(tmpdir(), 'forebay-disk-'));
  try {
    await mountAt(root, 1);
    await unmount(root);
    return undefined;
  } catch {
    return 'not tried, for a tmpfs cannot be mounted here, as anybody but root say';
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function mountAt(root: string, megabytes: number): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', root]);
}

async function unmount(root: string): Promise<void> {
  await run('umount', ['-l', root]);
}
