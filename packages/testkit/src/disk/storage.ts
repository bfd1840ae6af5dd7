import type { Random } from '../random.ts';
import { DirectoryTree } from './directory-tree.ts';
import type { DiskOperation } from './faults.ts';
import { Faults, systemError } from './faults.ts';
import type { Inode } from './inode.ts';

/** What outlives a process: the files, how much room there is, and what is to go wrong. */
export class Storage {
  readonly random: Random;
  readonly tree: DirectoryTree = new DirectoryTree();
  readonly faults: Faults;
  readonly now: () => number;
  /** Bytes, of all files together. */
  capacity: number;
  readOnly = false;
  /** How many of the writes are promised, from 0 to 1; half of those take fewer bytes than given. */
  slowWriteRate: number;
  onOperation: ((operation: DiskOperation, path: string) => void) | undefined;

  constructor(random: Random, capacity: number, now: () => number, slowWriteRate: number) {
    this.random = random;
    this.capacity = capacity;
    this.now = now;
    this.slowWriteRate = slowWriteRate;
    this.faults = new Faults(random);
  }

  /** Bytes of all files that have a name. */
  get used(): number {
    let used = 0;
    for (const [, file] of this.tree.files()) used += file.content.length;
    return used;
  }

  /** @throws `EROFS` */
  checkWritable(operation: DiskOperation, path: string): void {
    if (this.readOnly) throw systemError('EROFS', operation, path);
  }

  /** Writes what there is room for; how many bytes that was. @throws `EROFS`, `ENOSPC`, a fault */
  write(inode: Inode, bytes: Uint8Array, place: number, path: string): number {
    this.checkWritable('write', path);
    const room = Math.min(bytes.length, this.#roomFor(inode, place, bytes.length));
    const fault = this.faults.take('write');
    let taken = room;
    if (fault !== undefined) {
      // As the kernel has it: what came before the failure is a short write, the failure is the next.
      taken = fault.partial && room > 1 ? this.random.integer(0, room - 1) : 0;
      if (taken === 0) throw systemError(fault.code, 'write', path);
      this.faults.failRest(fault.code);
    }
    if (taken === 0 && bytes.length > 0) throw systemError('ENOSPC', 'write', path);
    if (taken > 0) inode.write(bytes.subarray(0, taken), place, this.now());
    return taken;
  }

  /** @throws `EROFS`, `ENOSPC` */
  truncate(inode: Inode, size: number, path: string): void {
    this.checkWritable('truncate', path);
    const added = size - inode.content.length;
    if (added > 0 && this.#roomFor(inode, inode.content.length, added) < added) {
      throw systemError('ENOSPC', 'truncate', path);
    }
    inode.truncate(size, this.now());
  }

  #roomFor(inode: Inode, place: number, length: number): number {
    const added = place + length - inode.content.length;
    if (added <= 0) return length;
    return Math.max(0, length - Math.max(0, added - (this.capacity - this.used)));
  }
}
