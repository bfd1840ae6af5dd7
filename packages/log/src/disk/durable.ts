import { basename, dirname, join } from 'node:path';
import { orLogError } from '../errors.ts';
import type { Disk, DiskFile } from './disk.ts';

/** Replaces a file by one rename: a reader, and a crash, see the old content or the new. */
export async function replaceFile(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `temp-${process.pid}-${basename(path)}`);
  await writeWhole(disk, temporary, content);
  await disk.rename(temporary, path);
  await disk.syncDirectory(directory);
}

/** Makes a file with this content, synced; its name is not, yet. */
export async function writeWhole(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'create');
  try {
    for (let done = 0; done < content.length; ) {
      done += await file.write(content.subarray(done), done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** All of a file that is known to be small. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(await file.size());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

/** Bytes written anew at once. */
const REWRITE_SIZE = 256 * 1024;

/**
 * Writes a part of a file as it stands. What an earlier process wrote may have failed to be synced,
 * and the system, which has told that once, would answer the next sync well without doing it: bytes
 * that are written again are synced again.
 */
export async function rewrite(file: DiskFile, from: number, to: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(REWRITE_SIZE, Math.max(0, to - from)));
  for (let at = from; at < to; ) {
    const length = await file.read(buffer.subarray(0, to - at), at);
    if (length === 0) return;
    for (let done = 0; done < length; ) {
      done += await file.write(buffer.subarray(done, length), at + done);
    }
    at += length;
  }
}

/** Makes a file end after `size` bytes, synced. @throws {LogError} `IO` */
export async function truncate(disk: Disk, path: string, size: number): Promise<void> {
  await orLogError(path, 'cutting', async () => {
    const file = await disk.open(path, 'write');
    try {
      await file.truncate(size);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}
