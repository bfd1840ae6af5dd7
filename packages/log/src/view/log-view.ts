import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Boundary, Position } from '@forebay/psync';
import type { Cursor } from '../cursors/cursors.ts';
import type { Disk } from '../disk/disk.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import type { BaseInView, LogState } from '../log-reader.ts';
import { LogReader } from '../log-reader.ts';
import type { LogItem, ReadOptions } from '../reading/read-log.ts';
import type { Sight } from './sight.ts';
import { isSameSight, lookAt } from './sight.ts';
import { tellOfStepsBack } from './steps-back.ts';

/** Milliseconds between two looks at a directory while somebody waits for more. */
const DEFAULT_LOOK_EVERY = 20;

export interface LogViewOptions {
  /** The machine's by default. */
  readonly disk?: Disk;
  /** The machine's by default. */
  readonly clock?: Clock;
  /** Milliseconds between two looks at the directory while a reader waits at its end; 20 by default. */
  readonly lookEvery?: number;
}

/**
 * A log that another process writes to, or nobody does: read only, and nothing is locked. Who waits at
 * its end is woken by looking at the directory again and again.
 *
 * What is read is not kept for the reader as it is by `Log.read`: only a cursor keeps what it needs.
 */
export class LogView implements AsyncDisposable {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #lookEvery: number;
  readonly #reader: LogReader;
  #sight: Sight;
  #looking: Promise<void> | undefined;
  #stopWaiting: (() => void) | undefined;
  #failure: unknown;
  #closed = false;

  private constructor(directory: string, options: LogViewOptions, disk: Disk, sight: Sight) {
    this.directory = directory;
    this.#disk = disk;
    this.#clock = options.clock ?? systemClock;
    this.#lookEvery = options.lookEvery ?? DEFAULT_LOOK_EVERY;
    this.#sight = sight;
    this.#reader = new LogReader(directory, disk, this.#state);
  }

  /** @throws {LogError} `FOREIGN` where the directory holds no log; `NEWER_VERSION`, `CORRUPT`, `IO` */
  static async open(directory: string, options: LogViewOptions = {}): Promise<LogView> {
    const { disk = nodeDisk } = options;
    return new LogView(directory, options, disk, await lookAt(disk, directory));
  }

  /** The last byte that was there at the last look. */
  get end(): Position {
    return this.#reader.end;
  }

  /**
   * Looks at the directory. Readers look by themselves; `end` moves by this.
   *
   * @throws {LogError} as `open`
   */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /**
   * The stream after a position: see `Log.read`. With `follow` it goes on until the view is closed or
   * `signal` is aborted, whether or not anybody writes meanwhile.
   *
   * @throws {LogError} `NOT_COVERED` where the position is not held, or not any longer; `CORRUPT`, `IO`
   */
  read(from: Position, options: ReadOptions = {}): AsyncGenerator<LogItem, void, void> {
    return this.#reader.read(from, options);
  }

  /**
   * The last place up to a position where the stream may be cut, with the database selected there: who
   * begins to read there sees each command and transaction whole. Undefined where the position was taken
   * back, and reading from it begins with `rewound`; and where it is past the end.
   *
   * @throws {LogError} `NOT_COVERED`, `CORRUPT`, `IO`
   */
  boundaryAt(position: Position, segment?: number): Promise<Boundary | undefined> {
    return this.#reader.boundaryAt(position, segment);
  }

  /**
   * Opens the newest base, for one who begins with it and goes on with `read` from its position.
   *
   * @throws {LogError} `CORRUPT`, `IO`
   */
  openBase(): Promise<BaseInView> {
    return this.#reader.openBase();
  }

  /**
   * A reader's place, as of `Log.cursor`. Whoever writes the log keeps what comes after it, too. Two who
   * read by one name take each other's place away.
   *
   * @throws {LogError} `NOT_COVERED`, `MISUSE`, `CORRUPT`, `IO`
   */
  cursor(name: string, from?: Position): Promise<Cursor> {
    return this.#reader.cursors.open(name, from);
  }

  /** The same, where one of the name was kept. @throws {LogError} `MISUSE`, `CORRUPT`, `IO` */
  keptCursor(name: string): Promise<Cursor | undefined> {
    return this.#reader.cursors.kept(name);
  }

  /**
   * Creates a cursor, or moves it forwards or back. A reader that has the cursor open does not see it, and
   * overwrites it with its next commit.
   *
   * @throws {LogError} `NOT_COVERED` unless the position is held; `MISUSE`, `CORRUPT`, `IO`
   */
  setCursor(name: string, position: Position): Promise<void> {
    return this.#reader.cursors.set(name, position);
  }

  /**
   * Removes a cursor, readable or not; of `NAME~` what `pin` keeps under NAME. False where there is none.
   *
   * @throws {LogError} `MISUSE`, `IO`
   */
  removeCursor(name: string): Promise<boolean> {
    return this.#reader.cursors.remove(name);
  }

  /**
   * Keeps what comes after a place for a reader who has none of his own yet, until `unpin`: who begins with
   * a base, and has a place when he has read it. One for each name, whatever became of who made it.
   *
   * @throws {LogError} `NOT_COVERED`, `MISUSE`, `CORRUPT`, `IO`
   */
  pin(name: string, position: Position, segment: number): Promise<void> {
    return this.#reader.cursors.pin(name, position, segment);
  }

  /** Nothing is kept by `pin` under that name any longer. @throws {LogError} `MISUSE`, `IO` */
  unpin(name: string): Promise<void> {
    return this.#reader.cursors.unpin(name);
  }

  /** Readers end, and no file stays open. What they have read can still be kept under a cursor's name. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting?.();
    await this.#looking?.catch(() => {});
    await this.#reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #state(): LogState {
    const view = this;
    return {
      get manifest() {
        return view.#sight.manifest;
      },
      get written() {
        return view.#sight.written;
      },
      get closed() {
        // Waiting readers get the error of a look that failed.
        if (!view.#closed && view.#failure !== undefined) throw view.#failure;
        return view.#closed;
      },
      look: () => view.look(),
      awaited: () => view.#waitForMore(),
    };
  }

  async #look(): Promise<void> {
    const before = this.#sight;
    const seen = await lookAt(this.#disk, this.directory, before);
    if (isSameSight(before, seen)) return;
    // The same manifest is the same object: by it readers know what their files are open by.
    const sameManifest = before.text === seen.text;
    this.#sight = sameManifest ? { ...seen, manifest: before.manifest } : seen;
    if (!sameManifest) tellOfStepsBack(this.#reader.readers, before.manifest, this.#sight);
    this.#reader.readers.wake();
  }

  #waitForMore(): void {
    if (this.#closed || this.#stopWaiting !== undefined) return;
    this.#stopWaiting = this.#clock.after(this.#lookEvery, () => void this.#lookForMore());
  }

  async #lookForMore(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#failure = error;
      this.#reader.readers.wake();
    }
    this.#stopWaiting = undefined;
    if (this.#reader.readers.anyWaiting) this.#waitForMore();
  }
}
