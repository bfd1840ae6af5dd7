import { systemClock } from '@forebay/clock';
import type { Boundary, History, Position } from '@forebay/psync';
import { checkBaseEnd } from './base/base-file.ts';
import type { OpenBase } from './base/open-base.ts';
import { addBase, checkPlace } from './changes/add-base.ts';
import { beginHistory } from './changes/begin-history.ts';
import type { Change, LogContext } from './changes/change.ts';
import { opened } from './changes/change.ts';
import type { BaseTarget, FirstBase, FreshBase, NewBase } from './changes/new-base.ts';
import { split } from './changes/split.ts';
import { stepBack } from './changes/step-back.ts';
import { Contents } from './contents.ts';
import type { Cursor } from './cursors/cursors.ts';
import type { Places } from './cursors/pins.ts';
import { pinsOf, readPlaces } from './cursors/pins.ts';
import { lockDirectory } from './directory/lock.ts';
import { makeDirectory, nextSequence, openDirectory } from './directory/open-directory.ts';
import { pathIn } from './directory/paths.ts';
import { closeQuietly } from './disk/close-quietly.ts';
import type { DiskLock } from './disk/disk.ts';
import { nodeDisk } from './disk/node-disk.ts';
import { LogError } from './errors.ts';
import type { HeldPlace, LogState } from './log-reader.ts';
import { LogReader } from './log-reader.ts';
import type { LogListener, LogOptions, LogSize, StepBack } from './log-types.ts';
import { positionIn, shiftIds } from './manifest/lineage.ts';
import type { Base } from './manifest/manifest.ts';
import { baseName, historyOf } from './manifest/manifest.ts';
import type { LogItem, ReadOptions } from './reading/read-log.ts';
import type { LogEnd } from './recovery/log-end.ts';
import { recover } from './recovery/recover.ts';
import type { Retained, RetainPolicy } from './retention/retain.ts';
import { dropChange, prune, sizesOf, totalOf } from './retention/retain.ts';
import { Turns } from './turns.ts';
import { WatchedClock } from './watched-clock.ts';

const DEFAULT_ROTATE_AT = 1024 ** 3;

/**
 * A replication stream on disk: base RDBs and the stream after them, verbatim, as a multi-part
 * append-only directory. One process writes; any number of readers follow.
 */
export class Log {
  readonly directory: string;
  readonly #options: LogOptions;
  readonly #context: LogContext;
  readonly #clock: WatchedClock;
  readonly #lock: DiskLock;
  readonly #turns = new Turns();
  readonly #reader: LogReader;
  readonly #listeners = new Set<LogListener>();
  /** Bases on their way: where one will stand is not rotated away from. */
  readonly #awaited = new Set<number>();
  #contents: Contents;
  #failure: LogError | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  #found: LogEnd | undefined;

  private constructor(directory: string, options: LogOptions, lock: DiskLock, sequence: number) {
    this.directory = directory;
    this.#options = options;
    this.#lock = lock;
    const { disk = nodeDisk, fsync = 'everysec' } = options;
    const clock = new WatchedClock(options.clock ?? systemClock, (step) => {
      options.onClockStep?.(step);
    });
    this.#clock = clock;
    this.#listeners.add(options);
    let next = sequence;
    this.#context = {
      disk,
      clock,
      pathOf: (name) => pathIn(directory, name),
      nextSequence: () => next++,
      superseded: [],
      writerOptions: {
        disk,
        clock,
        policy: fsync,
        onSynced: () => this.#progressed(),
        onSyncTime: (milliseconds) => options.onSyncTime?.(milliseconds),
        onFailure: (error) => this.#fail(error),
      },
    };
    this.#contents = new Contents(directory, this.#context, undefined);
    this.#reader = new LogReader(directory, disk, this.#state);
  }

  /**
   * Opens a directory, made with mode 0700 if it is not there, for this process alone, and goes on at
   * the last byte that can be vouched for.
   *
   * @throws {LogError} `LOCKED`, `FOREIGN`, `NEWER_VERSION`, `CORRUPT`, `IO`
   */
  static async open(directory: string, options: LogOptions = {}): Promise<Log> {
    const { disk = nodeDisk } = options;
    await makeDirectory(disk, directory);
    // What is not ours is not even locked.
    await openDirectory(disk, directory);
    const lock = await lockDirectory(disk, directory);
    try {
      const manifest = await openDirectory(disk, directory);
      const log = new Log(directory, options, lock, await nextSequence(disk, directory));
      if (manifest === undefined) return log;
      const recovered = await recover(log.#context, directory, manifest);
      const { found, arrived, refused, ...current } = recovered;
      log.#failure = refused;
      log.#clock.compare(arrived);
      log.#contents = new Contents(directory, log.#context, current);
      await log.#contents.measure();
      log.#found = found;
      return log;
    } catch (error) {
      await closeQuietly({ close: () => lock.release() });
      throw error;
    }
  }

  /**
   * The failed write or sync after which the log accepts no writes. A log that is opened on a full disk has it
   * from the start, and can be read.
   */
  get failure(): LogError | undefined {
    return this.#failure;
  }

  /** What was found when the log was opened; undefined in a directory without a history. */
  get found(): LogEnd | undefined {
    return this.#found;
  }

  /** The history held, as the manifest has it; undefined before the first base. */
  get history(): History | undefined {
    return this.#reader.history;
  }

  /**
   * Ids that `history` does not name and that still name bytes held: those from before its two, and those
   * that a step back gave up. `offset` is the last byte that is shared under the id.
   */
  get olderIds(): readonly Position[] {
    return this.#reader.olderIds;
  }

  /** Offset of the last byte that `write` has taken. */
  get written(): number {
    return this.#contents.current?.writer.written ?? 0;
  }

  /** Offset of the last byte known to be on the disk. */
  get synced(): number {
    return this.#contents.current?.writer.synced ?? 0;
  }

  /** Offset of the oldest place that can be gone back to; undefined before the first base. */
  get lowest(): number | undefined {
    return this.#reader.lowest;
  }

  /** The newest base: where it stands, its size, and when it was taken in. */
  get base(): Base | undefined {
    return this.#reader.base;
  }

  /**
   * Whether the log can be read. After a failed write it can; after a failed sync it discards the unsynced
   * bytes, and cannot.
   */
  get readable(): boolean {
    return !this.#closed && this.#contents.current?.writer.syncFailed !== true;
  }

  /** Bytes that `splitFor` or `stepBack` to an offset of the newest file writes before it removes as many. */
  copiedBy(offset: number): number {
    return this.#contents.current?.writer.copiedBy(offset) ?? 0;
  }

  /** Bytes on disk as of now: see `LogSize`. */
  get size(): LogSize {
    return this.#contents.size;
  }

  /**
   * Opens the newest base, for one who begins with it and goes on with `read` from where it stands.
   *
   * @throws {LogError} `CORRUPT`, `IO`, `MISUSE` before the first base
   */
  openBase(): Promise<OpenBase> {
    return this.#turns.take(() => this.#reader.openBase());
  }

  /** A place for a base that is to come. Until it is adopted or abandoned no file is rotated. */
  awaitBase(): BaseTarget {
    const sequence = this.#context.nextSequence();
    this.#awaited.add(sequence);
    const directory = pathIn(this.directory, '');
    return { directory, path: this.#context.pathOf(baseName(sequence)), sequence };
  }

  /** The base will not come. Its file is the caller's to remove. */
  abandonBase({ sequence }: BaseTarget): void {
    this.#awaited.delete(sequence);
  }

  /**
   * Begins a history with the base at `target`: a full resync. Committed by one rename of the
   * manifest; what was held before stays whole, as the past.
   *
   * @throws {LogError} `CORRUPT` if the base is not whole; `IO`, `MISUSE`
   */
  async beginHistory(base: FirstBase): Promise<void> {
    await this.#changeWith(base, async () => {
      await checkBaseEnd(this.#context.disk, base.target.path, base.size);
      return beginHistory(this.#context, this.#contents.current, base);
    });
  }

  /**
   * Ends a file where a base is going to stand, so that the base, which may take long to come, needs
   * no more than to be named.
   *
   * @throws {LogError} `NOT_COVERED` where no base can stand there; `IO`, `MISUSE`
   */
  async splitFor(position: Position): Promise<void> {
    await this.#change(async () => {
      const current = this.#contents.needed;
      checkPlace(current, position);
      return split(this.#context, current, position.offset);
    });
  }

  /**
   * Adds a base of the history that is followed.
   *
   * @throws {LogError} `NOT_COVERED` where it does not belong; `CORRUPT` if it is not whole; `IO`, `MISUSE`
   */
  async addBase(base: FreshBase): Promise<void> {
    await this.#changeWith(base, async () => {
      await checkBaseEnd(this.#context.disk, base.target.path, base.size);
      return addBase(this.#context, this.#contents.needed, base);
    });
  }

  /**
   * Commits ids: what `+CONTINUE` with a new id brings, before its first byte is appended. A new file begins
   * with the id, so that no copy has bytes under it beside an older manifest, which would name them otherwise.
   *
   * @throws {LogError} `CORRUPT`, `IO`, `MISUSE`
   */
  async setHistory({ id }: History): Promise<void> {
    await this.#inTurn(async () => {
      const current = this.#contents.needed;
      if (historyOf(current.manifest.live).id === id) return;
      const { written, end } = current.writer;
      const { offset } = end.boundary;
      const cut = (await split(this.#context, current, offset, { anew: true })) ?? current;
      const { live } = cut.manifest;
      const ids = shiftIds(live.ids, id, written);
      const change = { ...cut, manifest: { ...opened(cut.manifest), live: { ...live, ids } } };
      // Who has read what a power cut took from us has read it under the id before.
      await this.#apply(change, () => this.#reader.readers.stepBack(live.number, written));
    });
  }

  /** The last place where the stream may be cut that is written; undefined where nothing is held. */
  get boundary(): Boundary | undefined {
    return this.#contents.current?.writer.end.boundary;
  }

  /**
   * Appends the next bytes of the stream; `boundary` is the last place up to their end where it may
   * be cut. When it returns, `written` has moved; under `always`, `synced` too.
   *
   * @throws {LogError} `IO`, after which the log takes no more; `MISUSE`
   */
  append(bytes: Uint8Array, boundary: Boundary): Promise<void> {
    return this.#inTurn(async () => {
      const { writer, manifest } = this.#contents.needed;
      if (manifest.closedSize !== undefined) {
        await this.#apply({ manifest: opened(manifest), writer });
      }
      await writer.append(bytes, boundary);
      this.#progressed();
      const { rotateAt = DEFAULT_ROTATE_AT } = this.#options;
      const size = typeof rotateAt === 'number' ? rotateAt : rotateAt();
      if (writer.size >= size && this.#awaited.size === 0) await this.#rotate();
    });
  }

  /** Calls `listener`, after the functions of `LogOptions`, until the returned function is called. */
  subscribe(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Goes on in a new file from the last place where the stream may be cut. @throws {LogError} */
  async rotate(): Promise<void> {
    await this.#inTurn(() => this.#rotate());
  }

  /**
   * Takes back what came after the last place up to `shared` where the stream may be cut. It is moved
   * aside, and readers beyond are told. The stream goes on under `id`, one of the history's; without
   * it, under the one that its last byte came under.
   *
   * @throws {LogError} `NOT_COVERED` where it cannot be gone back to; `IO`, `MISUSE`
   */
  stepBack(shared: number, id?: string): Promise<StepBack> {
    return this.#inTurn(async () => {
      const current = this.#contents.needed;
      const { live } = current.manifest;
      const from = positionIn(live, current.writer.written);
      const { stream, ...change } = await stepBack(this.#context, current, shared, id);
      const { offset } = stream;
      await this.#apply(change, () => this.#reader.readers.stepBack(live.number, offset));
      const history = historyOf(change.manifest.live);
      return { history, offset, stream, dropped: 0, from, to: { id: history.id, offset } };
    });
  }

  /**
   * Deletes the data that a policy does not keep. The newest base and the stream after it always stay. It also
   * works after a failed write: on a full disk it frees space.
   *
   * @throws {LogError} `IO`, `MISUSE`
   */
  async retain(policy: RetainPolicy): Promise<Retained> {
    const cursors = await readPlaces(this.#context.disk, this.directory);
    const run = () => this.#retain(policy, cursors);
    const stillReads = this.#failure !== undefined && this.readable;
    return stillReads ? this.#turns.take(run) : this.#inTurn(run);
  }

  /**
   * Waits until what is written by now is on the disk.
   *
   * @throws {LogError} `IO`, after which the log takes no more
   */
  async sync(): Promise<void> {
    try {
      await this.#contents.current?.writer.flush();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /**
   * The stream after a position: held bytes, then appended bytes, until the log is closed or no
   * longer `readable`, `signal` is aborted, or `follow` is false and the end is reached. What a full resync or
   * a step back breaks off, an item of its own says. While it is read, what comes next is kept, up to the
   * hard limit of `retain`.
   *
   * @throws {LogError} `NOT_COVERED` where the position is not held, or not any longer; `CORRUPT`, `IO`
   */
  read(from: Position, options: ReadOptions = {}): AsyncGenerator<LogItem, void, void> {
    return this.#reader.read(from, options);
  }

  /**
   * Keeps what comes after a place in the history that is followed now, wherever that place moves, up to the
   * hard limit of `retain`, which cuts it off. Until the function returned is called.
   *
   * @throws {LogError} `MISUSE`
   */
  hold(place: HeldPlace): () => void {
    return this.#reader.hold(place);
  }

  /**
   * A reader's place that survives restarts; made at `from` (the end of the log unless given) where
   * there is none of that name.
   *
   * @throws {LogError} `NOT_COVERED`, `MISUSE`, `CORRUPT`, `IO`
   */
  cursor(name: string, from?: Position): Promise<Cursor> {
    return this.#reader.cursors.open(name, from);
  }

  /**
   * Waits for the call in progress, syncs, notes in the manifest where the stream ends, closes, and
   * lets another process have the directory; readers end.
   *
   * @throws {LogError} `IO`
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#reader.readers.wake();
    try {
      await this.#turns.idle();
      await this.#reader.close();
      if (this.#failure === undefined) await this.#contents.seal();
    } finally {
      // Whatever else fails: a lock that stays would keep us from opening it anew.
      await this.#contents.close().finally(() => this.#lock.release());
    }
  }

  async #rotate(): Promise<void> {
    const current = this.#contents.needed;
    const { offset } = current.writer.end.boundary;
    if (offset <= current.writer.increment.startOffset) return;
    const change = await split(this.#context, current, offset);
    if (change !== undefined) await this.#apply(change);
  }

  async #retain(policy: RetainPolicy, cursors: Places): Promise<Retained> {
    const { manifest } = this.#contents.needed;
    const sizes = await sizesOf(this.#context, manifest);
    const pins = [...this.#reader.readers.seats, ...pinsOf(cursors, manifest, this.written)];
    const now = this.#context.clock.now();
    const hardLimit = (policy.hardLimit ?? Infinity) - this.#contents.unnamed;
    const limited = { ...policy, hardLimit };
    const { manifest: kept, cutOff } = prune(manifest, pins, sizes, now, limited);
    const change = dropChange(this.#context, this.#contents.needed, kept);
    this.#reader.readers.cutOff(cutOff);
    if (change !== undefined) await this.#apply(change);
    const [before, held] = [totalOf(manifest, sizes), totalOf(kept, sizes)];
    return { removed: before - held, held, cutOff };
  }

  /** Makes a change in turn; none where nothing is to be changed. */
  async #change(make: () => Promise<Change | undefined>): Promise<void> {
    await this.#inTurn(async () => {
      const change = await make();
      if (change !== undefined) await this.#apply(change);
    });
  }

  /** The same with a base, which is of no use to anyone where no change comes of it. */
  async #changeWith({ target }: NewBase, make: () => Promise<Change>): Promise<void> {
    const { disk } = this.#context;
    await this.#change(async () => {
      try {
        return await make();
      } catch (error) {
        await disk.remove(target.path).catch(() => {});
        throw error;
      }
    });
    this.#awaited.delete(target.sequence);
  }

  async #apply(change: Change, onCommitted?: () => void): Promise<void> {
    await this.#contents.apply(change, onCommitted);
    this.#progressed();
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new LogError('MISUSE', this.directory, 'the log is closed');
    return this.#turns.take(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await run();
      } catch (error) {
        this.#fail(error);
        throw error;
      }
    });
  }

  /** A failure is final: what came after it would leave a hole. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined || !(error instanceof LogError) || error.code !== 'IO') return;
    this.#failure = error;
    const writer = this.#contents.current?.writer;
    // That this fails as well changes nothing: what is not synced is not claimed to be.
    if (writer?.syncFailed) void this.#turns.take(() => writer.withdraw()).catch(() => {});
    for (const listener of this.#listeners) listener.onFailure?.(error);
    this.#reader.readers.wake();
  }

  get #state(): LogState {
    const log = this;
    return {
      get manifest() {
        return log.#contents.current?.manifest;
      },
      get written() {
        return log.written;
      },
      get closed() {
        return !log.readable;
      },
      async look() {
        // Another process may already write to the directory.
        if (log.#closed) throw new LogError('MISUSE', log.directory, 'the log is closed');
      },
      awaited: () => {},
    };
  }

  #progressed(): void {
    const progress = { written: this.written, synced: this.synced };
    for (const listener of this.#listeners) listener.onProgress?.(progress);
    this.#reader.readers.wake();
  }
}
