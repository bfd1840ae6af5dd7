import type { Random } from '../random.ts';
import type { DiskOperation, FailureRate } from './faults.ts';
import type { SimulatedFile } from './simulated-file.ts';
import type { SimulatedLock, SimulatedMode } from './simulated-process.ts';
import { SimulatedProcess } from './simulated-process.ts';
import type { SimulatedStat } from './stat.ts';
import { Storage } from './storage.ts';

export interface SimulatedDiskOptions {
  readonly random: Random;
  /** Bytes of all files together; 2^40 unless told. */
  readonly capacity?: number;
  /** How many of the writes are promised, from 0 to 1, half of them short; 1 in 8 unless told. */
  readonly slowWriteRate?: number;
  /** What files are dated by; without it all are of 1970. */
  readonly clock?: { now(): number };
}

/**
 * A file system in memory that loses in a crash what a real one may lose, the same for one seed. It
 * has the shape of the `Disk` that a log takes. Paths are taken from the root, which is there.
 *
 * One process at a time uses it, and `crash` ends that one. Whoever was given `process` can then do
 * nothing more; the disk itself goes on for the process that starts next.
 */
export class SimulatedDisk {
  readonly #storage: Storage;
  #process: SimulatedProcess;
  #boots = 0;

  constructor({ random, capacity = 2 ** 40, slowWriteRate = 1 / 8, clock }: SimulatedDiskOptions) {
    this.#storage = new Storage(random, capacity, () => clock?.now() ?? 0, slowWriteRate);
    this.#process = new SimulatedProcess(this.#storage, this.#nextBootId());
  }

  /** The disk as the process sees it that runs now. */
  get process(): SimulatedProcess {
    return this.#process;
  }

  /** Names this run of the machine. */
  get bootId(): string {
    return this.#process.bootId;
  }

  /** How many files the process has open, its locks not counted. */
  get openFiles(): number {
    return this.#process.openFiles;
  }

  /** How many locks the process holds. */
  get heldLocks(): number {
    return this.#process.heldLocks;
  }

  /** Whether all that would change the disk is refused with `EROFS`. */
  get readOnly(): boolean {
    return this.#storage.readOnly;
  }

  set readOnly(value: boolean) {
    this.#storage.readOnly = value;
  }

  /** How many operations fail by chance, from 0, as it begins, to 1. */
  get failureRate(): FailureRate {
    return this.#storage.faults.rate;
  }

  set failureRate(rate: FailureRate) {
    this.#storage.faults.rate = rate;
  }

  /** How many of the writes are promised, from 0 to 1; half of those take fewer bytes than given. */
  get slowWriteRate(): number {
    return this.#storage.slowWriteRate;
  }

  set slowWriteRate(rate: number) {
    this.#storage.slowWriteRate = rate;
  }

  /** Called before each operation takes effect. Where it crashes the disk, nothing takes effect. */
  get onOperation(): ((operation: DiskOperation, path: string) => void) | undefined {
    return this.#storage.onOperation;
  }

  set onOperation(run: ((operation: DiskOperation, path: string) => void) | undefined) {
    this.#storage.onOperation = run;
  }

  setCapacity(bytes: number): void {
    this.#storage.capacity = bytes;
  }

  /**
   * The next of these operations fails with this code. A write may take a part of its bytes first:
   * then it is short, and the one after it fails. A sync that fails drops what it was to save.
   */
  failNext(operation: DiskOperation, code: string): void {
    this.#storage.faults.failNext(operation, code);
  }

  /**
   * Ends the process, and with it its open files and locks. What it has written stays, unless the
   * power is cut: then some of what was not synced is lost. Of a file's changes it may be any, whole or
   * in part; of a directory's it is the last ones, each whole.
   */
  crash(kind: 'process' | 'power'): void {
    this.#process.end();
    if (kind === 'power') this.#storage.tree.cutPower(this.#storage.random);
    const bootId = kind === 'power' ? this.#nextBootId() : this.#process.bootId;
    this.#process = new SimulatedProcess(this.#storage, bootId);
  }

  /** Every file that has a name, sorted. */
  paths(): string[] {
    return Array.from(this.#storage.tree.files(), ([path]) => path).sort();
  }

  /** A copy of what reads of a file see. @throws `ENOENT`, `EISDIR` */
  peek(path: string): Uint8Array {
    return this.#storage.tree.file(path, 'read').content.copy();
  }

  /** A copy of what is synced of a file; undefined where no synced name leads to one. */
  durable(path: string): Uint8Array | undefined {
    return this.#storage.tree.durableFile(path)?.durable.copy();
  }

  /** Makes a file of this content, and the directories above it, as if all had always been synced. */
  poke(path: string, bytes: Uint8Array): void {
    const { tree, now } = this.#storage;
    tree.makeDirectories(path.slice(0, path.lastIndexOf('/') + 1));
    const file = tree.fileOrNew(path, 'write', now());
    tree.syncAlong(path);
    file.become(bytes, now());
  }

  /**
   * Inverts a bit, 0 to 7, of a byte, on the disk and in memory.
   *
   * @throws {RangeError} where there is no such byte
   */
  flipBit(path: string, byteIndex: number, bit: number): void {
    const file = this.#storage.tree.file(path, 'write');
    if (byteIndex < 0 || byteIndex >= file.content.length) {
      throw new RangeError(`${path} has no byte ${byteIndex}`);
    }
    file.flip(byteIndex, bit);
  }

  open(path: string, mode: SimulatedMode): Promise<SimulatedFile> {
    return this.#process.open(path, mode);
  }

  stat(path: string): Promise<SimulatedStat> {
    return this.#process.stat(path);
  }

  list(directory: string): Promise<string[]> {
    return this.#process.list(directory);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#process.makeDirectory(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#process.rename(from, to);
  }

  link(from: string, to: string): Promise<void> {
    return this.#process.link(from, to);
  }

  clone(from: string, to: string): Promise<void> {
    return this.#process.clone(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#process.remove(path);
  }

  removeTree(path: string): Promise<void> {
    return this.#process.removeTree(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#process.syncDirectory(path);
  }

  lock(path: string): Promise<SimulatedLock | undefined> {
    return this.#process.lock(path);
  }

  space(directory: string): Promise<{ readonly total: number; readonly free: number }> {
    return this.#process.space(directory);
  }

  #nextBootId(): string {
    this.#boots++;
    return `boot ${this.#boots} of ${this.#storage.random.seed}`;
  }
}
