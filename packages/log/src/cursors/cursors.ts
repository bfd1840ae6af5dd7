import type { Position } from '@forebay/psync';
import { LogError } from '../errors.ts';
import { endOf, locate, positionIn } from '../manifest/lineage.ts';
import type { LogItem, ReadOptions } from '../reading/read-log.ts';
import { readLog } from '../reading/read-log.ts';
import type { WatchedLog } from '../reading/watched-log.ts';
import { Turns } from '../turns.ts';
import type { CursorPlace } from './cursor-file.ts';
import {
  checkCursorName,
  cursorNames,
  isPin,
  pinName,
  readCursor,
  removeCursor,
  writeCursor,
} from './cursor-file.ts';

/** The cursors of a log. Positions are stored one after another. */
export class Cursors {
  readonly #log: WatchedLog;
  readonly #turns = new Turns();

  constructor(log: WatchedLog) {
    this.#log = log;
  }

  /** The cursor with this name, created at `from` if there is none: see `Log.cursor`. */
  async open(name: string, from?: Position): Promise<Cursor> {
    const kept = await this.kept(name);
    if (kept !== undefined) return kept;
    const { manifest, written } = this.#log;
    const position = from ?? positionIn(manifest.live, written);
    const segment = await this.keep(name, position);
    return new Cursor(this.#log, this, { name, position, segment });
  }

  /** The cursor with this name, if it is stored. */
  async kept(name: string): Promise<Cursor | undefined> {
    const { directory, disk } = this.#log;
    checkCursorName(directory, name);
    const kept = await readCursor(disk, directory, name);
    return kept && new Cursor(this.#log, this, kept);
  }

  /** See `LogView.setCursor`. */
  async set(name: string, position: Position): Promise<void> {
    checkCursorName(this.#log.directory, name);
    await this.keep(name, position);
  }

  /** See `LogView.removeCursor`. */
  async remove(name: string): Promise<boolean> {
    const { directory, disk } = this.#log;
    checkCursorName(directory, isPin(name) ? name.slice(0, -1) : name);
    const names = await cursorNames(disk, directory);
    await this.forget(name);
    return names.includes(name);
  }

  /** See `LogView.pin`. */
  async pin(name: string, position: Position, segment: number): Promise<void> {
    checkCursorName(this.#log.directory, name);
    await this.keep(pinName(name), position, segment);
  }

  /** See `LogView.unpin`. */
  async unpin(name: string): Promise<void> {
    checkCursorName(this.#log.directory, name);
    await this.forget(pinName(name));
  }

  /** Stores a position durably. @returns the number of its segment */
  keep(name: string, position: Position, hint?: number): Promise<number> {
    return this.#turns.take(async () => {
      await this.#log.look();
      const { directory, disk, manifest, written } = this.#log;
      const found = locate(manifest, written, position, hint);
      if (found.type !== 'held' || found.offset > endOf(found.segment, written)) {
        throw notHeld(directory, position);
      }
      const segment = found.segment.number;
      await writeCursor(disk, directory, { name, position, segment });
      return segment;
    });
  }

  async forget(name: string): Promise<void> {
    const { directory, disk } = this.#log;
    await removeCursor(disk, directory, name);
  }

  /** Resolves when no position is being stored. */
  async idle(): Promise<void> {
    await this.#turns.idle();
  }
}

/** A reader's place in the log, under a name, that survives restarts. */
export class Cursor {
  readonly name: string;
  readonly #log: WatchedLog;
  readonly #cursors: Cursors;
  #position: Position;
  #segment: number;
  /** The number of the segment that is being read. */
  #reading: number;

  constructor(log: WatchedLog, cursors: Cursors, { name, position, segment }: CursorPlace) {
    this.#log = log;
    this.#cursors = cursors;
    this.name = name;
    this.#position = position;
    this.#segment = segment;
    this.#reading = segment;
  }

  /** What was kept last. */
  get position(): Position {
    return this.#position;
  }

  /** The number of the segment that it is in. */
  get segment(): number {
    return this.#segment;
  }

  /**
   * Reads on from what was kept last. It begins with `rewound` where that was taken back since, and
   * waits where what it had read was lost in a power cut and has not come again yet.
   *
   * @throws {LogError} `NOT_COVERED` when it was cut off; `CORRUPT`, `IO`
   */
  async *read(
    options: Pick<ReadOptions, 'follow' | 'signal'> = {},
  ): AsyncGenerator<LogItem, void, void> {
    const { name } = this;
    const segment = this.#segment;
    const place = { name, segment, ahead: true };
    for await (const item of readLog(this.#log, this.#position, { ...options, ...place })) {
      this.#reading = item.segment;
      yield item;
    }
  }

  /**
   * Keeps a place, durable when it resolves: what came up to it will not be read again. `segment` is the
   * number of its segment, where an id names several; that of the item read last unless given.
   *
   * @throws {LogError} `NOT_COVERED` unless it is in the log; `IO`
   */
  async commit(position: Position, segment: number = this.#reading): Promise<void> {
    this.#segment = await this.#cursors.keep(this.name, position, segment);
    this.#position = position;
  }

  /** Gives the name up; nothing is kept for it any longer. */
  async remove(): Promise<void> {
    await this.#cursors.forget(this.name);
  }
}

/** The error of a position that a log does not hold. */
export function notHeld(directory: string, { id, offset }: Position): LogError {
  return new LogError('NOT_COVERED', directory, `${id}:${offset} is not held in ${directory}`);
}
