import { CommandCursor } from '@forebay/resp';
import { ConformanceError } from '../errors.ts';

const LF = 10;

/** The commands that arrive on a connection, in order, for whoever asks for the next one. */
export class PeerCommands {
  readonly #cursor = new CommandCursor();
  readonly #arrived: string[][] = [];
  readonly #waiting: { resolve(command: string[]): void; reject(error: unknown): void }[] = [];
  #failure: unknown;
  #newlines = 0;

  /** Bare newlines so far: a replica's sign of life while it loads. */
  get newlines(): number {
    return this.#newlines;
  }

  /** The next command if it has arrived already. */
  get(): string[] | undefined {
    return this.#arrived.shift();
  }

  /**
   * The next command, when it comes.
   *
   * @throws {ConformanceError} `PEER_CLOSED`; a `RespError` for what is no command
   */
  next(): Promise<string[]> {
    const command = this.#arrived.shift();
    if (command !== undefined) return Promise.resolve(command);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Takes bytes one at a time: a replica sends few, and each bare newline is told from a command's. */
  push(chunk: Uint8Array): void {
    try {
      for (const byte of chunk) {
        if (byte === LF && this.#cursor.pendingBytes === 0) this.#newlines++;
        else this.#cursor.push(Uint8Array.of(byte));
        while (this.#cursor.next()) this.#add(this.#words());
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** No more will come: rejects who waits, and who will. */
  fail(error: unknown): void {
    this.#failure ??= error;
    for (const one of this.#waiting.splice(0)) one.reject(this.#failure);
  }

  #words(): string[] {
    const cursor = this.#cursor;
    return Array.from({ length: cursor.argumentCount }, (_, i) => cursor.argumentLatin1(i));
  }

  #add(command: string[]): void {
    // `*0` and a blank line are no commands.
    if (command.length === 0) return;
    const first = this.#waiting.shift();
    if (first === undefined) this.#arrived.push(command);
    else first.resolve(command);
  }
}

/** Whether `command` begins with `words`, whatever their case. */
export function beginsWith(command: readonly string[], words: readonly string[]): boolean {
  return words.every((word, i) => command[i]?.toUpperCase() === word.toUpperCase());
}

export function unexpected(command: readonly string[], words: readonly string[]): ConformanceError {
  const message = `the replica sent ${JSON.stringify(command)} instead of ${JSON.stringify(words)}`;
  return new ConformanceError('UNEXPECTED_COMMAND', message);
}
