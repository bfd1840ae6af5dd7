import { dirname } from 'node:path';
import { RdbFile } from '@forebay/rdb-receiver/node';
import { EXIT, ExitError } from '../exit.ts';
import { ByteSink } from './byte-sink.ts';

/** What is written in one go. */
const PIECE = 128 * 1024;

/** Where data goes. */
interface Target {
  write(bytes: Uint8Array): undefined | Promise<void>;
  /** All of it was written. */
  finish(): Promise<void>;
  /** The rest will not come. */
  abort(): Promise<void>;
}

/** Who read what we print has gone: nothing is wrong, and nobody is left to be told. */
export class BrokenPipe extends ExitError {
  constructor() {
    super(EXIT.ok, 'nobody reads what is printed');
  }
}

/** Data on its way to standard output or to a file, in large pieces, no faster than it is taken. */
export class Output implements AsyncDisposable {
  readonly sink: ByteSink = new ByteSink(2 * PIECE);
  readonly #target: Target;
  #ended = false;

  private constructor(target: Target) {
    this.#target = target;
  }

  static stdout(): Output {
    // Each write tells of it as well; without a listener it would end the process.
    process.stdout.on('error', () => {});
    return new Output({ write: writeToStdout, finish: async () => {}, abort: async () => {} });
  }

  /**
   * A file that is there under its name when it is whole and on the disk, or not at all; `-` is standard
   * output.
   *
   * @throws {RdbReceiverError} `IO`
   */
  static async to(path: string): Promise<Output> {
    if (path === '-') return Output.stdout();
    const file = await RdbFile.create(dirname(path));
    const finish = () => file.commit(path);
    return new Output({ write: (bytes) => file.write(bytes), finish, abort: () => file.abort() });
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

  /** Everything was added. */
  async finish(): Promise<void> {
    await this.flush();
    this.#ended = true;
    await this.#target.finish();
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

function writeToStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(failureOf(error)) : resolve()));
  });
}

function failureOf(error: NodeJS.ErrnoException): ExitError {
  if (error.code === 'EPIPE') return new BrokenPipe();
  const what = `standard output cannot be written to: ${error.code ?? error.message}`;
  return new ExitError(EXIT.disk, what, error);
}
