import { systemError } from './faults.ts';
import { Inode } from './inode.ts';
import { SimulatedFile } from './simulated-file.ts';
import type { SimulatedStat } from './stat.ts';
import type { Storage } from './storage.ts';
import { SystemCalls } from './system-calls.ts';

/** How a file is opened: `write` also reads, and it has to be there; `create` makes it empty. */
export type SimulatedMode = 'read' | 'write' | 'create';

/** There is one file system. */
const DEVICE = 'simulated';
const NO_FILE = { ofThisRun: false, identity: '', device: DEVICE };

/** A lock on a simulated disk: it goes with its process. */
export interface SimulatedLock {
  release(): Promise<void>;
}

/**
 * A simulated disk as one process sees it. When the process has ended, everything throws `EBADF`, and
 * what was asked for but had not happened does not happen.
 */
export class SimulatedProcess {
  readonly bootId: string;
  readonly #storage: Storage;
  readonly #calls: SystemCalls;
  readonly #files = new Set<SimulatedFile>();
  readonly #locked = new Set<Inode>();

  constructor(storage: Storage, bootId: string) {
    this.bootId = bootId;
    this.#storage = storage;
    this.#calls = new SystemCalls(storage);
  }

  get openFiles(): number {
    return this.#files.size;
  }

  get heldLocks(): number {
    return this.#locked.size;
  }

  end(): void {
    this.#calls.end();
    this.#files.clear();
    this.#locked.clear();
  }

  /** @throws `ENOENT`, `ENOTDIR`, `EISDIR`, `EROFS` */
  open(path: string, mode: SimulatedMode): Promise<SimulatedFile> {
    return this.#calls.run('open', path, () => {
      if (mode !== 'read') this.#storage.checkWritable('open', path);
      const inode = mode === 'create' ? this.#empty(path) : this.#storage.tree.file(path, 'open');
      const onClosed = (file: SimulatedFile) => void this.#files.delete(file);
      const file = new SimulatedFile(path, inode, mode !== 'read', this.#calls, onClosed);
      this.#files.add(file);
      return file;
    });
  }

  /** @throws `ENOENT` */
  stat(path: string): Promise<SimulatedStat> {
    return this.#calls.run('stat', path, () => {
      const found = this.#storage.tree.find(path);
      if (found === undefined) throw systemError('ENOENT', 'stat', path);
      if (!(found instanceof Inode)) return { size: 0, modified: 0, ...NO_FILE };
      const { content, modified, ofThisRun, identity } = found;
      return { size: content.length, modified, ofThisRun, identity, device: DEVICE };
    });
  }

  /** Names in a directory, in no order. @throws `ENOENT`, `ENOTDIR` */
  list(directory: string): Promise<string[]> {
    return this.#calls.run('list', directory, () => {
      const names = [...this.#storage.tree.directory(directory, 'list').entries.keys()];
      return shuffled(names, (high) => this.#storage.random.integer(0, high));
    });
  }

  /** Makes a directory, and its parents, where they are not there. @throws `EROFS`, `ENOTDIR` */
  makeDirectory(path: string): Promise<void> {
    return this.#calls.run('makeDirectory', path, () => {
      if (this.#storage.tree.find(path) === undefined) {
        this.#storage.checkWritable('makeDirectory', path);
      }
      this.#storage.tree.makeDirectories(path);
    });
  }

  /** @throws `ENOENT`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY`, `EROFS` */
  rename(from: string, to: string): Promise<void> {
    return this.#calls.run('rename', from, () => {
      this.#storage.checkWritable('rename', from);
      this.#storage.tree.rename(from, to);
    });
  }

  /** Gives a file a second name. @throws `ENOENT`, `EEXIST`, `ENOTDIR`, `EISDIR`, `EROFS` */
  link(from: string, to: string): Promise<void> {
    return this.#calls.run('link', from, () => {
      this.#storage.checkWritable('link', to);
      this.#storage.tree.link(from, to);
    });
  }

  /** Files share no blocks. @throws `EOPNOTSUPP` */
  async clone(from: string, _to: string): Promise<void> {
    throw systemError('EOPNOTSUPP', 'link', from);
  }

  /** Removes a file. That it is gone already is no failure. @throws `EISDIR`, `EROFS` */
  remove(path: string): Promise<void> {
    return this.#calls.run('remove', path, () => {
      if (this.#storage.tree.find(path) === undefined) return;
      this.#storage.checkWritable('remove', path);
      this.#storage.tree.remove(path);
    });
  }

  /** Removes a directory and all in it. That it is gone already is no failure. @throws `EROFS` */
  removeTree(path: string): Promise<void> {
    return this.#calls.run('remove', path, () => {
      if (this.#storage.tree.find(path) === undefined) return;
      this.#storage.checkWritable('remove', path);
      this.#storage.tree.removeTree(path);
    });
  }

  /** Makes what was made, renamed or removed in a directory survive. @throws `ENOENT`, `ENOTDIR` */
  syncDirectory(path: string): Promise<void> {
    return this.#calls.run('syncDirectory', path, () => {
      this.#storage.tree.sync(this.#storage.tree.directory(path, 'syncDirectory'));
    });
  }

  /** Locks a file, made where it is not there; undefined where it is locked. @throws `EROFS` */
  lock(path: string): Promise<SimulatedLock | undefined> {
    return this.#calls.run('lock', path, () => {
      this.#storage.checkWritable('lock', path);
      const { tree, now } = this.#storage;
      const inode = tree.fileOrNew(path, 'lock', now());
      if (this.#locked.has(inode)) return undefined;
      this.#locked.add(inode);
      return { release: () => this.#release(path, inode) };
    });
  }

  /** Bytes of the file system, and of these, free. */
  space(directory: string): Promise<{ readonly total: number; readonly free: number }> {
    return this.#calls.run('space', directory, () => {
      this.#storage.tree.directory(directory, 'space');
      const { capacity, used } = this.#storage;
      return { total: capacity, free: Math.max(0, capacity - used) };
    });
  }

  #empty(path: string): Inode {
    const { tree, now } = this.#storage;
    const inode = tree.fileOrNew(path, 'open', now());
    if (inode.content.length > 0) inode.truncate(0, now());
    return inode;
  }

  async #release(path: string, inode: Inode): Promise<void> {
    await this.#calls.turns();
    this.#calls.begin('close', path);
    this.#locked.delete(inode);
  }
}

function shuffled<T>(items: T[], upTo: (high: number) => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = upTo(last);
    const item = items[last]!;
    items[last] = items[other]!;
    items[other] = item;
  }
  return items;
}
