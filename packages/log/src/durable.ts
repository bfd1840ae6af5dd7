import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Makes what was renamed, made or removed in a directory survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file by one rename: a reader, and a crash, see the old content or the new. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = join(dirname(path), `temp-${process.pid}.manifest`);
  const handle = await open(temporary, 'w', 0o644);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes a directory that only its owner may enter, and its parents, where they are not there yet. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
