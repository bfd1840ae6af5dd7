import { randomUUID } from 'node:crypto';
import { constants, fdatasync, readFileSync, statSync, write, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { uptime } from 'node:os';
import { dirname } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import type { Disk, DiskFile, DiskLock } from './disk.ts';

const FLAGS = { read: 'r', write: 'r+', create: 'w+' } as const;

/**
 * Whether the system tells when a file was made. Where it does not know `statx`, in some sandboxes, Node gives
 * the time of the last change instead (`libuv: uv__to_stat`), and every write would make another file of one.
 */
const tellsBirth = tellsBirthOf(process.execPath);

/** The file system of this machine. */
export const nodeDisk: Disk = {
  bootId: readBootId(),
  async open(path, mode) {
    return new NodeFile(await open(path, FLAGS[mode], 0o644));
  },
  async stat(path) {
    const { size, mtimeNs, ino, birthtimeNs, dev } = await stat(path, { bigint: true });
    const born = tellsBirth ? birthtimeNs : 0;
    const modified = Number(mtimeNs) / 1e6;
    return {
      size: Number(size),
      modified,
      ofThisRun: isOfThisRun(modified),
      identity: `${ino} ${born}`,
      device: String(dev),
    };
  },
  list: (directory) => readdir(directory),
  async makeDirectory(path) {
    await makeWithParents(path, 0o700);
  },
  rename,
  link,
  clone: (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE),
  remove: (path) => rm(path, { force: true }),
  removeTree: (path) => rm(path, { force: true, recursive: true }),
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  lock: lockFile,
  async space(directory) {
    const { blocks, bavail, bsize } = await statfs(directory);
    return { total: blocks * bsize, free: bavail * bsize };
  },
};

/**
 * Makes a directory where there is none, and those above it. `mkdir` with `recursive` never ends where the system
 * says that nothing is there of a directory that is: below /proc.
 */
async function makeWithParents(path: string, mode?: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const above = dirname(path);
    const isAboveMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && above !== path;
    if (!isAboveMissing) return throwUnlessDirectory(path, error);
    await makeWithParents(above);
    await mkdir(path, mode).catch((error) => throwUnlessDirectory(path, error));
  }
}

async function throwUnlessDirectory(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw error;
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;
  #syncing = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  write(bytes: Uint8Array, place: number): number | Promise<number> {
    // A write into the page cache costs less than handing it to another thread (a fifth of all CPU
    // under load), but one that meets a running sync may wait for the disk, and must not do so here.
    if (this.#syncing === 0) return writeSync(this.#handle.fd, bytes, 0, bytes.length, place);
    return new Promise((resolve, reject) => {
      write(this.#handle.fd, bytes, 0, bytes.length, place, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  }

  async read(into: Uint8Array, place: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const length = into.length - done;
      const { bytesRead } = await this.#handle.read(into, done, length, place + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  sync(): Promise<void> {
    this.#syncing++;
    return new Promise((resolve, reject) => {
      fdatasync(this.#handle.fd, (error) => {
        this.#syncing--;
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A lock of the kernel's on the open file: it goes with the process, however that ends. */
async function lockFile(path: string): Promise<DiskLock | undefined> {
  const handle = await open(path, 'a+', 0o600);
  try {
    if (tryLock(handle.fd)) return { release: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/** A file that was written and then changed, as a program is when it is installed, tells the two times apart. */
function tellsBirthOf(path: string): boolean {
  try {
    const { birthtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return birthtimeNs !== ctimeNs;
  } catch {
    return false;
  }
}

/** What lies ahead of the clock was written before that was set back: of it nothing is known. */
function isOfThisRun(time: number): boolean {
  const now = Date.now();
  return time <= now && time > now - uptime() * 1000;
}

/** Where the system names no boot, each process is one of its own: that trusts the least. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
