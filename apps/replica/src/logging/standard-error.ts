import { fstatSync } from 'node:fs';

/** Bytes that may wait for who reads them; what comes while there are more is lost. */
const MOST_WAITING = 1024 * 1024;

/** Milliseconds that the end waits for who reads. */
const GRACE = 1000;

/** What of a stream is needed. */
export type ErrorStream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'writableLength' | 'on'>;

/**
 * Standard error, which never keeps the process from its work: a pipe that nobody reads takes so much and no
 * more, and one that is closed, or a disk that is full, takes nothing.
 */
export class StandardError {
  readonly #stream: ErrorStream;
  #gone = false;

  constructor(stream: ErrorStream) {
    this.#stream = stream;
    stream.on('error', () => {
      this.#gone = true;
    });
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** False: it is lost. */
  write(text: string): boolean {
    if (this.#gone || this.#stream.writableLength > MOST_WAITING) return false;
    try {
      this.#stream.write(text);
      return true;
    } catch {
      // A file is written to at once. What did not fit into a full disk may fit later.
      return false;
    }
  }

  /** Has the process end soon though lines wait that nobody reads. */
  end(): void {
    if (this.#stream.writableLength > 0) setTimeout(() => process.exit(), GRACE).unref();
  }
}

/** Whether standard error is the journal of systemd (systemd.exec(5), JOURNAL_STREAM). */
export function isJournal({ JOURNAL_STREAM: journal }: NodeJS.ProcessEnv): boolean {
  if (journal === undefined) return false;
  try {
    const { dev, ino } = fstatSync(process.stderr.fd);
    return journal === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
