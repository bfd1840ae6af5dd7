import type { Random } from '../random.ts';
import type { DiskOperation } from './faults.ts';
import { systemError } from './faults.ts';
import { Inode } from './inode.ts';

type Entry = Inode | Directory;

class Directory {
  /** What lookups see. */
  readonly entries: Map<string, Entry> = new Map();
  /** What a power cut leaves at the least. */
  readonly durable: Map<string, Entry> = new Map();
}

/** A name that comes to stand for an entry, or for nothing. */
interface Naming {
  readonly directory: Directory;
  readonly name: string;
  readonly entry: Entry | undefined;
}

/** Directories and names of files, and which of their changes would survive a power cut. */
export class DirectoryTree {
  readonly #root = new Directory();
  /** Changes that were not synced, in order. The namings of one happen together or not at all. */
  #journal: (readonly Naming[])[] = [];

  /** What a path names; undefined where it names nothing. */
  find(path: string): Entry | undefined {
    let entry: Entry | undefined = this.#root;
    for (const part of partsOf(path)) {
      entry = entry instanceof Directory ? entry.entries.get(part) : undefined;
    }
    return entry;
  }

  /** @throws `ENOENT`, `EISDIR` */
  file(path: string, operation: DiskOperation): Inode {
    const entry = this.#existing(path, operation);
    if (entry instanceof Directory) throw systemError('EISDIR', operation, path);
    return entry;
  }

  /** @throws `ENOENT`, `ENOTDIR` */
  directory(path: string, operation: DiskOperation): Directory {
    const entry = this.#existing(path, operation);
    if (entry instanceof Inode) throw systemError('ENOTDIR', operation, path);
    return entry;
  }

  /** The file of this name as the last sync of its directory left it. */
  durableFile(path: string): Inode | undefined {
    let entry: Entry | undefined = this.#root;
    for (const part of partsOf(path)) {
      entry = entry instanceof Directory ? entry.durable.get(part) : undefined;
    }
    return entry instanceof Inode ? entry : undefined;
  }

  /** Every file that has a name. */
  *files(directory: Directory = this.#root, above = ''): Generator<[path: string, file: Inode]> {
    for (const [name, entry] of directory.entries) {
      const path = `${above}/${name}`;
      if (entry instanceof Directory) yield* this.files(entry, path);
      else yield [path, entry];
    }
  }

  /** The file of this name, made where it is not there. @throws `ENOENT`, `ENOTDIR`, `EISDIR` */
  fileOrNew(path: string, operation: DiskOperation, now: number): Inode {
    if (this.find(path) !== undefined) return this.file(path, operation);
    const entry = new Inode(now, path);
    this.#change([{ ...this.#placeOf(path, operation), entry }]);
    return entry;
  }

  /** Makes what is missing of a path of directories. @throws `ENOTDIR` */
  makeDirectories(path: string): void {
    let directory = this.#root;
    for (const name of partsOf(path)) {
      let entry = directory.entries.get(name);
      if (entry instanceof Inode) throw systemError('ENOTDIR', 'makeDirectory', path);
      if (entry === undefined) {
        entry = new Directory();
        this.#change([{ directory, name, entry }]);
      }
      directory = entry;
    }
  }

  /** @throws `ENOENT`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY` */
  rename(from: string, to: string): void {
    const entry = this.#existing(from, 'rename');
    const place = this.#placeOf(to, 'rename');
    const replaced = place.directory.entries.get(place.name);
    if (replaced === entry) return;
    if (replaced instanceof Directory) {
      if (entry instanceof Inode) throw systemError('EISDIR', 'rename', to);
      if (replaced.entries.size > 0) throw systemError('ENOTEMPTY', 'rename', to);
    } else if (replaced !== undefined && entry instanceof Directory) {
      throw systemError('ENOTDIR', 'rename', to);
    }
    this.#change([
      { ...this.#placeOf(from, 'rename'), entry: undefined },
      { ...place, entry },
    ]);
  }

  /** @throws `ENOENT`, `EEXIST`, `ENOTDIR`, `EISDIR` */
  link(from: string, to: string): void {
    const entry = this.file(from, 'link');
    if (this.find(to) !== undefined) throw systemError('EEXIST', 'link', to);
    this.#change([{ ...this.#placeOf(to, 'link'), entry }]);
  }

  /** Removes a file. That it is gone already is no failure. @throws `EISDIR` */
  remove(path: string): void {
    const entry = this.find(path);
    if (entry === undefined) return;
    if (entry instanceof Directory) throw systemError('EISDIR', 'remove', path);
    this.#change([{ ...this.#placeOf(path, 'remove'), entry: undefined }]);
  }

  /** Removes what a path names, and all that is in it. */
  removeTree(path: string): void {
    const entry = this.find(path);
    if (entry instanceof Directory) {
      for (const name of [...entry.entries.keys()]) this.removeTree(`${path}/${name}`);
    }
    if (entry !== undefined) {
      this.#change([{ ...this.#placeOf(path, 'remove'), entry: undefined }]);
    }
  }

  /** Makes the changes of a directory durable, and those of others that they cannot go without. */
  sync(directory: Directory): void {
    const needed = new Set([directory]);
    const synced: (readonly Naming[])[] = [];
    const left: (readonly Naming[])[] = [];
    for (const change of this.#journal.reverse()) {
      const directories = change.map((naming) => naming.directory);
      if (directories.some((each) => needed.has(each))) {
        for (const each of directories) needed.add(each);
        synced.push(change);
      } else left.push(change);
    }
    for (const change of synced.reverse()) makeDurable(change);
    this.#journal = left.reverse();
  }

  /** Syncs every directory of a path. */
  syncAlong(path: string): void {
    let entry: Entry | undefined = this.#root;
    for (const part of partsOf(path)) {
      if (!(entry instanceof Directory)) return;
      this.sync(entry);
      entry = entry.entries.get(part);
    }
  }

  /** Leaves what is durable, and a beginning of each directory's other changes. */
  cutPower(random: Random): void {
    const surviving = new Map<Directory, number>();
    for (const change of this.#journal) {
      for (const each of directoriesOf(change)) surviving.set(each, (surviving.get(each) ?? 0) + 1);
    }
    for (const [each, count] of surviving) {
      surviving.set(each, random.pick([0, count, random.integer(0, count)]));
    }
    for (const change of this.#journal) {
      const directories = directoriesOf(change);
      const survives = directories.every((each) => surviving.get(each)! > 0);
      for (const each of directories) surviving.set(each, survives ? surviving.get(each)! - 1 : 0);
      if (survives) makeDurable(change);
    }
    this.#journal = [];
    restore(this.#root, random);
  }

  #existing(path: string, operation: DiskOperation): Entry {
    const entry = this.find(path);
    if (entry === undefined) throw systemError('ENOENT', operation, path);
    return entry;
  }

  #placeOf(path: string, operation: DiskOperation): { directory: Directory; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw systemError('EISDIR', operation, path);
    return { directory: this.directory(parts.join('/'), operation), name };
  }

  #change(change: readonly Naming[]): void {
    for (const { directory, name, entry } of change) setName(directory.entries, name, entry);
    this.#journal.push(change);
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function directoriesOf(change: readonly Naming[]): Directory[] {
  return [...new Set(change.map((naming) => naming.directory))];
}

function makeDurable(change: readonly Naming[]): void {
  for (const { directory, name, entry } of change) setName(directory.durable, name, entry);
}

function setName(names: Map<string, Entry>, name: string, entry: Entry | undefined): void {
  if (entry === undefined) names.delete(name);
  else names.set(name, entry);
}

function restore(directory: Directory, random: Random): void {
  directory.entries.clear();
  for (const [name, entry] of directory.durable) {
    directory.entries.set(name, entry);
    if (entry instanceof Directory) restore(entry, random);
    else entry.cutPower(random);
  }
}
