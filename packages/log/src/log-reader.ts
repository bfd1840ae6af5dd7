import type { Boundary, History, Position } from '@forebay/psync';
import type { OpenBase } from './base/open-base.ts';
import { openBase } from './base/open-base.ts';
import { Cursors, notHeld } from './cursors/cursors.ts';
import { pathIn } from './directory/paths.ts';
import type { Disk } from './disk/disk.ts';
import { LogError } from './errors.ts';
import { streamAt } from './increment/copy.ts';
import { IncrementReader } from './increment/increment-reader.ts';
import { endOf, locate, olderIds, positionIn } from './manifest/lineage.ts';
import type { Base, Manifest, Segment } from './manifest/manifest.ts';
import { historyOf } from './manifest/manifest.ts';
import type { LogItem, ReadOptions } from './reading/read-log.ts';
import { readLog } from './reading/read-log.ts';
import { Readers } from './reading/readers.ts';
import type { ReaderSeat, WatchedLog } from './reading/watched-log.ts';

/** The current state of a log, as known to the process that writes it or read from its directory. */
export interface LogState {
  /** Undefined before the first base. */
  readonly manifest: Manifest | undefined;
  /** Offset of the last byte of the live segment that may be read. */
  readonly written: number;
  /** Whether reading has ended. @throws the error that keeps the end of the log from being known */
  readonly closed: boolean;
  /** Updates this state. @throws {LogError} */
  look(): Promise<void>;
  /** A reader has reached the end, and waits until `Readers.wake`. */
  awaited(): void;
}

/** An open base, and the position at which the stream continues after it. */
export interface BaseInView extends OpenBase {
  /** Of the last byte of the stream that it contains, under the id that its history has now. */
  readonly position: Position;
  /** The number of its segment. */
  readonly segment: number;
}

/** A place of somebody who reads by other means than `Log.read`. */
export interface HeldPlace {
  /** Offset of the last byte that is not needed any more. */
  readonly offset: number;
  /** What it is called, where it is cut off. */
  readonly name: string;
  /** What comes next is not held any longer. */
  cutOff(): void;
}

/** Reads a log: the part that `Log` and `LogView` share. */
export class LogReader implements WatchedLog {
  readonly directory: string;
  readonly disk: Disk;
  readonly pathOf: (name: string) => string;
  /** The active readers. */
  readonly readers: Readers = new Readers();
  readonly cursors: Cursors;
  readonly #state: LogState;

  constructor(directory: string, disk: Disk, state: LogState) {
    this.directory = directory;
    this.disk = disk;
    this.pathOf = (name) => pathIn(directory, name);
    this.#state = state;
    this.cursors = new Cursors(this);
  }

  /** @throws {LogError} `MISUSE` before the first base */
  get manifest(): Manifest {
    const { manifest } = this.#state;
    if (manifest !== undefined) return manifest;
    throw new LogError('MISUSE', this.directory, 'the log has no base yet');
  }

  get written(): number {
    return this.#state.written;
  }

  get closed(): boolean {
    return this.#state.closed;
  }

  get history(): History | undefined {
    return this.#live && historyOf(this.#live);
  }

  get olderIds(): readonly Position[] {
    return this.#live === undefined ? [] : olderIds(this.#live);
  }

  get lowest(): number | undefined {
    return this.#live?.bases[0]?.offset;
  }

  get base(): Base | undefined {
    return this.#live?.bases.at(-1);
  }

  /** @throws {LogError} `MISUSE` before the first base */
  get end(): Position {
    return positionIn(this.manifest.live, this.written);
  }

  look(): Promise<void> {
    return this.#state.look();
  }

  onChange(wake: () => void): void {
    this.readers.onChange(wake);
    this.#state.awaited();
  }

  seat(seat: ReaderSeat): () => void {
    return this.readers.seat(seat);
  }

  /** See `Log.read`. */
  read(from: Position, options: ReadOptions = {}): AsyncGenerator<LogItem, void, void> {
    this.manifest;
    return readLog(this, from, options);
  }

  /** See `Log.hold`. */
  hold(place: HeldPlace): () => void {
    return this.seat({
      segment: this.manifest.live.number,
      id: '',
      name: place.name,
      get offset() {
        return place.offset;
      },
      // The caller that steps back disconnects the holders of places first.
      steppedBack: () => {},
      cutOff: () => place.cutOff(),
      close: async () => {},
    });
  }

  /** See `LogView.openBase`. */
  openBase(): Promise<BaseInView> {
    return this.#whileSame(async ({ live }) => {
      const base = live.bases.at(-1);
      if (base === undefined) throw new LogError('MISUSE', this.directory, 'there is no base');
      const open = await openBase(this.disk, this.pathOf(base.name), base);
      return { ...open, position: positionIn(live, base.offset), segment: live.number };
    });
  }

  /** See `LogView.boundaryAt`. */
  boundaryAt(position: Position, segment?: number): Promise<Boundary | undefined> {
    return this.#whileSame(async (manifest, written) => {
      const found = locate(manifest, written, position, segment);
      if (found.type === 'unknown') throw notHeld(this.directory, position);
      if (found.type === 'rewound' || found.offset > endOf(found.segment, written))
        return undefined;
      const { increments } = found.segment;
      const within = increments.findLast(({ startOffset }) => startOffset <= found.offset);
      if (within === undefined) throw notHeld(this.directory, position);
      const reader = await IncrementReader.open(this.disk, this.pathOf, within);
      try {
        return (await streamAt(reader, found.offset)).boundary;
      } finally {
        await reader.close();
      }
    });
  }

  /** Ends all readers; no file stays open. */
  async close(): Promise<void> {
    await this.cursors.idle();
    await this.readers.close();
  }

  get #live(): Segment | undefined {
    return this.#state.manifest?.live;
  }

  /** A change of the log cuts and removes files: `run` is then repeated with the new manifest. */
  async #whileSame<T>(run: (manifest: Manifest, written: number) => Promise<T>): Promise<T> {
    for (;;) {
      const { manifest, written } = this;
      try {
        return await run(manifest, written);
      } catch (error) {
        await this.look();
        if (manifest === this.manifest) throw error;
      }
    }
  }
}
