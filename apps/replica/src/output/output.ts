import { ByteSink } from '@forebay/rdb/json';
import { BrokenPipe } from '../exit.ts';
import type { Target } from './target.ts';
import { STDOUT, stdoutTarget, targetAt, toItsEnd } from './target.ts';

/** What is written in one go. */
const PIECE = 128 * 1024;

/** Data on its way to standard output or to a file, in large pieces, no faster than it is taken. */
export class Output implements AsyncDisposable {
  readonly sink: ByteSink = new ByteSink(2 * PIECE);
  readonly #target: Target;
  #ended = false;

  private constructor(target: Target) {
    this.#target = target;
  }

  /** For lines: who reads them may have had enough, which is `BrokenPipe`. */
  static stdout(): Output {
    return new Output(stdoutTarget());
  }

  /**
   * A file that is there under its name when it is whole and on the disk, or not at all; `-` is standard
   * output. A symbolic link is followed; a FIFO or a device is written to as it is. Of a snapshot a part is
   * nothing: that a reader goes before its end is a fault here.
   *
   * @throws {ExitError} usage where it is a directory; disk
   * @throws {RdbReceiverError} `IO`
   */
  static async to(path: string): Promise<Output> {
    if (path === '-') return new Output(toItsEnd(stdoutTarget(), STDOUT));
    return new Output(toItsEnd(await targetAt(path), path));
  }

  /** Whether enough was gathered to be written. */
  get full(): boolean {
    return this.sink.length >= PIECE;
  }

  /** Writes what was gathered. @throws {BrokenPipe} @throws {ExitError} disk @throws {RdbReceiverError} */
  async flush(): Promise<void> {
    if (this.sink.length === 0) return;
    await this.#target.write(this.sink.view);
    this.sink.cutTo(0);
  }

  /** Adds bytes, without a copy where they are many. A promise: what there is, is being written. */
  add(bytes: Uint8Array): void | Promise<void> {
    if (bytes.length >= PIECE) return this.#addLong(bytes);
    this.sink.add(bytes);
    if (this.full) return this.flush();
  }

  /** Adds all parts, each after the one before it was taken. A promise: the output is being written, and the rest follows. */
  addAll(parts: Iterable<Uint8Array>): void | Promise<void> {
    const iterator = parts[Symbol.iterator]();
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const waits = this.add(next.value);
      if (waits !== undefined) return this.#addRest(waits, iterator);
    }
  }

  /** Everything was added. */
  async finish(): Promise<void> {
    await this.flush();
    this.#ended = true;
    await this.#target.finish();
  }

  async #addRest(waits: Promise<void>, rest: Iterator<Uint8Array>): Promise<void> {
    await waits;
    for (let next = rest.next(); !next.done; next = rest.next()) await this.add(next.value);
  }

  async #addLong(bytes: Uint8Array): Promise<void> {
    await this.flush();
    await this.#target.write(bytes);
  }

  /** What was not finished is given up: a file is not there then. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.#target.abort();
  }
}

/** Prints lines on standard output, as `printText` does. @throws {ExitError} disk */
export async function print(lines: readonly string[]): Promise<void> {
  await printText(lines.map((line) => `${line}\n`).join(''));
}

/**
 * Prints text on standard output. A closed pipe (EPIPE) is not an error: the command continues, and its exit code
 * shows the result.
 *
 * @throws {ExitError} disk
 */
export async function printText(text: string): Promise<void> {
  try {
    await stdoutTarget().write(Buffer.from(text));
  } catch (error) {
    if (!(error instanceof BrokenPipe)) throw error;
  }
}
