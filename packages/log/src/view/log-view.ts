import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Boundary, Position } from '@forebay/psync';
import type { OpenBase } from '../base/open-base.ts';
import { openBase } from '../base/open-base.ts';
import type { CursorHost } from '../cursors/cursor.ts';
import { Cursor } from '../cursors/cursor.ts';
import {
  checkCursorName,
  cursorNames,
  pinName,
  readCursor,
  removeCursor,
  writeCursor,
} from '../cursors/cursors.ts';
import { pathIn } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import { LogError } from '../errors.ts';
import { streamAt } from '../increment/copy.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { endOf, locate, positionIn } from '../manifest/lineage.ts';
import type { LogItem, ReadOptions } from '../reading/read-log.ts';
import { readLog } from '../reading/read-log.ts';
import { Readers } from '../reading/readers.ts';
import type { WatchedLog } from '../reading/watched-log.ts';
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

/** A base, and what comes after it. */
export interface BaseInView extends OpenBase {
  /** Of the last byte of the stream that it contains, under the id that its history has now. */
  readonly position: Position;
  /** The number of its segment. */
  readonly segment: number;
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
  readonly #readers = new Readers();
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
  }

  /** @throws {LogError} `FOREIGN` where the directory holds no log; `NEWER_VERSION`, `CORRUPT`, `IO` */
  static async open(directory: string, options: LogViewOptions = {}): Promise<LogView> {
    const { disk = nodeDisk } = options;
    return new LogView(directory, options, disk, await lookAt(disk, directory));
  }

  /** The last byte that was there at the last look. */
  get end(): Position {
    const { manifest, written } = this.#sight;
    return positionIn(manifest.live, written);
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
    return readLog(this.#watched, from, options);
  }

  /**
   * The last place up to a position where the stream may be cut, with the database selected there: who
   * begins to read there sees each command and transaction whole. Undefined where the position was taken
   * back, and reading from it begins with `rewound`; and where it is past the end.
   *
   * @throws {LogError} `NOT_COVERED`, `CORRUPT`, `IO`
   */
  boundaryAt(position: Position, segment?: number): Promise<Boundary | undefined> {
    return this.#inSight((sight) => this.#boundaryIn(sight, position, segment));
  }

  /**
   * Opens the newest base, for one who begins with it and goes on with `read` from its position.
   *
   * @throws {LogError} `CORRUPT`, `IO`
   */
  openBase(): Promise<BaseInView> {
    return this.#inSight(async ({ manifest: { live } }) => {
      const base = live.bases.at(-1)!;
      const open = await openBase(this.#disk, pathIn(this.directory, base.name), base);
      return { ...open, position: positionIn(live, base.offset), segment: live.number };
    });
  }

  /**
   * A reader's place, as of `Log.cursor`. Whoever writes the log keeps what comes after it, too. Two who
   * read by one name take each other's place away.
   *
   * @throws {LogError} `NOT_COVERED`, `MISUSE`, `CORRUPT`, `IO`
   */
  async cursor(name: string, from?: Position): Promise<Cursor> {
    const kept = await this.keptCursor(name);
    if (kept !== undefined) return kept;
    const position = from ?? this.end;
    return new Cursor(name, position, await this.#keepCursor(name, position), this.#cursorHost);
  }

  /** The same, where one of the name was kept. @throws {LogError} `MISUSE`, `CORRUPT`, `IO` */
  async keptCursor(name: string): Promise<Cursor | undefined> {
    checkCursorName(this.directory, name);
    const kept = await readCursor(this.#disk, this.directory, name);
    return kept && new Cursor(name, kept.position, kept.segment, this.#cursorHost);
  }

  /**
   * Creates a cursor, or moves it forwards or back. A reader that has the cursor open does not see it, and
   * overwrites it with its next commit.
   *
   * @throws {LogError} `NOT_COVERED` unless the position is held; `MISUSE`, `CORRUPT`, `IO`
   */
  async setCursor(name: string, position: Position): Promise<void> {
    checkCursorName(this.directory, name);
    await this.#keepCursor(name, position);
  }

  /**
   * Removes a cursor, readable or not; of `NAME~` what `pin` keeps under NAME. False where there is none.
   *
   * @throws {LogError} `MISUSE`, `IO`
   */
  async removeCursor(name: string): Promise<boolean> {
    const reader = name.endsWith(pinName('')) ? name.slice(0, -1) : name;
    checkCursorName(this.directory, reader);
    const names = await cursorNames(this.#disk, this.directory);
    await removeCursor(this.#disk, this.directory, name);
    return names.includes(name);
  }

  /**
   * Keeps what comes after a place for a reader who has none of his own yet, until `unpin`: who begins with
   * a base, and has a place when he has read it. One for each name, whatever became of who made it.
   *
   * @throws {LogError} `NOT_COVERED`, `MISUSE`, `CORRUPT`, `IO`
   */
  async pin(name: string, position: Position, segment: number): Promise<void> {
    checkCursorName(this.directory, name);
    await this.#keepCursor(pinName(name), position, segment);
  }

  /** Nothing is kept by `pin` under that name any longer. @throws {LogError} `MISUSE`, `IO` */
  async unpin(name: string): Promise<void> {
    checkCursorName(this.directory, name);
    await removeCursor(this.#disk, this.directory, pinName(name));
  }

  /** Readers end, and no file stays open. What they have read can still be kept under a cursor's name. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting?.();
    await this.#looking?.catch(() => {});
    await this.#readers.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #cursorHost(): CursorHost {
    return {
      read: (position: Position, options: ReadOptions) => this.read(position, options),
      keep: (each: string, position: Position, hint: number) =>
        this.#keepCursor(each, position, hint),
      forget: (each: string) => removeCursor(this.#disk, this.directory, each),
    };
  }

  async #look(): Promise<void> {
    const before = this.#sight;
    const seen = await lookAt(this.#disk, this.directory, before);
    if (isSameSight(before, seen)) return;
    // The same manifest is the same object: by it readers know what their files are open by.
    const sameManifest = before.text === seen.text;
    this.#sight = sameManifest ? { ...seen, manifest: before.manifest } : seen;
    if (!sameManifest) tellOfStepsBack(this.#readers, before.manifest, this.#sight);
    this.#readers.wake();
  }

  get #watched(): WatchedLog {
    const view = this;
    return {
      ...{ directory: this.directory, disk: this.#disk },
      pathOf: (name) => pathIn(this.directory, name),
      get manifest() {
        return view.#healthy.manifest;
      },
      get written() {
        return view.#healthy.written;
      },
      get closed() {
        return view.#closed;
      },
      look: () => this.look(),
      onChange: (wake) => {
        this.#readers.onChange(wake);
        this.#waitForMore();
      },
      seat: (seat) => this.#readers.seat(seat),
    };
  }

  /** What was seen last; a look that failed is told to those who wait for it. */
  get #healthy(): Sight {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#sight;
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
      this.#readers.wake();
    }
    this.#stopWaiting = undefined;
    if (this.#readers.anyWaiting) this.#waitForMore();
  }

  /** Files are cut and removed when a change is committed: then it is looked at anew. */
  async #inSight<T>(run: (sight: Sight) => Promise<T>): Promise<T> {
    for (;;) {
      const sight = this.#sight;
      try {
        return await run(sight);
      } catch (error) {
        await this.look();
        if (sight.manifest === this.#sight.manifest) throw error;
      }
    }
  }

  async #boundaryIn(
    { manifest, written }: Sight,
    position: Position,
    segment: number | undefined,
  ): Promise<Boundary | undefined> {
    const found = locate(manifest, written, position, segment);
    if (found.type === 'unknown') throw this.#notHeld(position);
    const { increments } = found.segment;
    if (found.type === 'rewound' || found.offset > endOf(found.segment, written)) return undefined;
    const within = increments.findLast(({ startOffset }) => startOffset <= found.offset);
    if (within === undefined) throw this.#notHeld(position);
    const pathOf = (name: string) => pathIn(this.directory, name);
    const reader = await IncrementReader.open(this.#disk, pathOf, within);
    try {
      return (await streamAt(reader, found.offset)).boundary;
    } finally {
      await reader.close();
    }
  }

  async #keepCursor(name: string, position: Position, hint?: number): Promise<number> {
    await this.look();
    const { manifest, written } = this.#sight;
    const found = locate(manifest, written, position, hint);
    if (found.type !== 'held' || found.offset > endOf(found.segment, written)) {
      throw this.#notHeld(position);
    }
    const segment = found.segment.number;
    await writeCursor(this.#disk, this.directory, { name, position, segment });
    return segment;
  }

  #notHeld({ id, offset }: Position): LogError {
    const message = `${id}:${offset} is not held in ${this.directory}`;
    return new LogError('NOT_COVERED', this.directory, message);
  }
}
