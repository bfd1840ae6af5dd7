import { writeAll } from '../output/descriptor.ts';

/** Bytes (of text, characters) that are written at once, about; what is less waits until nothing else is to be done. */
const BATCH = 64 * 1024;
/** Characters that are made bytes of at once: few enough to be forgotten as young as they are. */
const PIECE = 8 * 1024;
/** Bytes that may wait for a slow consumer. */
const MOST_WAITING = 1024 * 1024;

/**
 * Data to a pipe or a file, in the order in which it came, while more comes.
 */
export class Output<Mark> {
  readonly #fd: number;
  readonly #onFailure: () => void;
  #waiting: Uint8Array[] = [];
  /** What comes after that, if it is text: made bytes of together, for lines are short. */
  #text = '';
  #size = 0;
  #mark: Mark | undefined;
  #written: Mark | undefined;
  #writing: Promise<void> | undefined;
  #soon: NodeJS.Immediate | undefined;
  #failure: unknown;

  /** `onFailure` is called when nothing more can be written: `flush` throws then. */
  constructor(fd: number, onFailure: () => void) {
    this.#fd = fd;
    this.#onFailure = onFailure;
  }

  /** The mark of what was written last. */
  get written(): Mark | undefined {
    return this.#written;
  }

  /** Whether all that was added has been written. */
  get idle(): boolean {
    return this.#size === 0 && this.#writing === undefined && this.#failure === undefined;
  }

  /** Whether the consumer should be waited for. */
  get full(): boolean {
    return this.#size >= MOST_WAITING || this.#failure !== undefined;
  }

  /** Adds what is to be written, and what it is known by. */
  add(data: string | Uint8Array, mark: Mark): void {
    if (typeof data === 'string') {
      this.#text += data;
      if (this.#text.length >= PIECE) this.#takeText();
    } else {
      this.#takeText();
      this.#waiting.push(data);
    }
    this.#size += data.length;
    this.#mark = mark;
    if (this.#size >= BATCH) this.#start();
    else this.#soon ??= setImmediate(() => this.#start());
  }

  /** Waits until all that was added is written. @throws the system's error: `EPIPE` where nobody reads */
  async flush(): Promise<void> {
    while (this.#failure === undefined && !this.idle) {
      this.#start();
      await this.#writing;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #start(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#failure !== undefined) return;
    this.#writing ??= this.#write()
      .catch((error: unknown) => {
        this.#failure = error;
        this.#onFailure();
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #write(): Promise<void> {
    while (this.#size > 0) {
      this.#takeText();
      const [pieces, mark] = [this.#waiting, this.#mark];
      this.#waiting = [];
      this.#size = 0;
      for (const bytes of joined(pieces)) await writeAll(this.#fd, bytes);
      this.#written = mark;
    }
  }

  #takeText(): void {
    if (this.#text !== '') this.#waiting.push(Buffer.from(this.#text));
    this.#text = '';
  }
}

/** What is written at once: short pieces together, and a long one without a copy. */
function joined(pieces: readonly Uint8Array[]): Uint8Array[] {
  const all: Uint8Array[] = [];
  let short: Uint8Array[] = [];
  for (const piece of pieces) {
    if (piece.length < BATCH) short.push(piece);
    else {
      all.push(Buffer.concat(short), piece);
      short = [];
    }
  }
  all.push(Buffer.concat(short));
  return all.filter(({ length }) => length > 0);
}
