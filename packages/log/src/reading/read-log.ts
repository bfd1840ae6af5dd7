import type { Position } from '@forebay/psync';
import { LogError } from '../errors.ts';
import type { TimedChunk } from '../increment/increment-reader.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { endOf, locate, positionIn, segmentsOf, successorOf } from '../manifest/lineage.ts';
import type { Manifest, Segment } from '../manifest/manifest.ts';
import { startOf } from '../manifest/manifest.ts';
import type { ReaderSeat, WatchedLog } from './watched-log.ts';

/** What is read, in order. `stream` items follow each other without a gap, unless another comes between. */
export type LogItem =
  /** The next bytes of the stream; valid for good. */
  | {
      readonly type: 'stream';
      readonly bytes: Uint8Array;
      /** Offset of the last of them. */
      readonly offset: number;
      /** The history they are of, by the id that it has now. */
      readonly id: string;
      /** The number of the segment that they are in. */
      readonly segment: number;
      /** Time of arrival by the clock: milliseconds since 1970. It may step back. */
      readonly time: number;
    }
  /** A full resync: what follows belongs on the snapshot at `to`, and not on what came before. */
  | {
      readonly type: 'reset';
      readonly from: Position;
      readonly to: Position;
      readonly reason: string;
      readonly segment: number;
      /** When that was, milliseconds since 1970. */
      readonly time: number | undefined;
    }
  /** What came after `to` never was, in the history that is followed now. */
  | {
      readonly type: 'rewound';
      readonly from: Position;
      readonly to: Position;
      readonly segment: number;
      /** When that was, milliseconds since 1970; undefined where nothing of it is held. */
      readonly time: number | undefined;
    };

export interface ReadOptions {
  /** Whether to wait for more at the end; true by default. */
  readonly follow?: boolean;
  /** Aborted: the reading ends. */
  readonly signal?: AbortSignal;
  /** The reader's name, for whoever cuts it off. */
  readonly name?: string;
  /** The number of the segment, where an id names several. */
  readonly segment?: number;
  /** Whether to wait where the position is past the end of what is held; false by default. */
  readonly ahead?: boolean;
}

/** See `Log.read`. */
export async function* readLog(
  log: WatchedLog,
  from: Position,
  options: ReadOptions,
): AsyncGenerator<LogItem, void, void> {
  const { follow = true, signal } = options;
  const reader = new Reader(log, options.name);
  const leave = log.seat(reader);
  try {
    yield* reader.start(from, options);
    while (!log.closed && signal?.aborted !== true) {
      const item = await reader.next();
      if (item !== undefined) yield item;
      else if (!follow) return;
      // What came while this was on its way here has woken nobody.
      else if (reader.atEnd) await changed(log, signal);
    }
  } finally {
    leave();
    await reader.close();
  }
}

type Chunks = AsyncGenerator<TimedChunk, void, void>;

class Reader implements ReaderSeat {
  readonly name: string | undefined;
  readonly #log: WatchedLog;
  #segment = 0;
  #offset = 0;
  /** What the place is called, as it was told last. */
  #id = '';
  #rewound: LogItem | undefined;
  #gone = false;
  #file: IncrementReader | undefined;
  #chunks: Chunks | undefined;
  /** What the files are open by. */
  #openedUnder: Manifest | undefined;

  constructor(log: WatchedLog, name: string | undefined) {
    this.#log = log;
    this.name = name;
  }

  get segment(): number {
    return this.#segment;
  }

  get id(): string {
    return this.#id;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Finds the place. @throws {LogError} `NOT_COVERED` */
  *start(from: Position, { segment, ahead = false }: ReadOptions): Generator<LogItem, void, void> {
    const { manifest, written } = this.#log;
    const found = locate(manifest, written, from, segment);
    if (found.type === 'unknown') throw this.#notCovered(from);
    const beyond = found.offset > endOf(found.segment, written);
    if (beyond && !ahead) throw this.#notCovered(from);
    this.#segment = found.segment.number;
    this.#offset = found.offset;
    this.#id = found.type === 'held' ? from.id : positionIn(found.segment, 0).id;
    if (found.type === 'held') return;
    const to = positionIn(found.segment, found.offset);
    const time = steppedBackAt(manifest, from.id);
    yield { type: 'rewound', from, to, segment: this.#segment, time };
  }

  /** Whether there is nothing to give, in this moment. */
  get atEnd(): boolean {
    const { manifest, written } = this.#log;
    const live = this.#segment === manifest.live.number;
    return live && this.#offset >= written && this.#rewound === undefined && !this.#gone;
  }

  steppedBack(segment: number, offset: number): void {
    if (segment !== this.#segment || offset >= this.#offset) return;
    const here = { id: this.#id, offset: this.#offset };
    const from = this.#rewound?.type === 'rewound' ? this.#rewound.from : here;
    const { manifest } = this.#log;
    const left = segmentsOf(manifest).find(({ number }) => number === segment) ?? manifest.live;
    const to = positionIn(left, offset);
    this.#rewound = { type: 'rewound', from, to, segment, time: steppedBackAt(manifest) };
    this.#offset = offset;
    this.#id = to.id;
    this.#chunks = undefined;
  }

  cutOff(): void {
    this.#gone = true;
  }

  /** The next item; undefined at the end of what is held now. */
  async next(): Promise<LogItem | undefined> {
    for (;;) {
      const rewound = this.#rewound;
      this.#rewound = undefined;
      if (rewound !== undefined) return rewound;
      const { manifest } = this.#log;
      try {
        const item = await this.#nextOf(manifest);
        // A step back came while the disk was read: those bytes are not to be given.
        if (this.#rewound === undefined) return item;
      } catch (error) {
        if (this.#log.closed) return undefined;
        await this.#log.look();
        // Files are cut and removed when a change is committed: what was read by the one before is gone.
        if (manifest === this.#log.manifest) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#chunks = undefined;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #nextOf(manifest: Manifest): Promise<LogItem | undefined> {
    const segment = segmentsOf(manifest).find(({ number }) => number === this.#segment);
    if (this.#gone || segment === undefined) {
      throw new LogError('NOT_COVERED', this.#log.directory, this.#goneMessage());
    }
    const end = endOf(segment, this.#log.written);
    if (this.#offset < end) return this.#read(manifest, segment, end);
    return segment === manifest.live ? undefined : this.#reset(segment);
  }

  async #read(manifest: Manifest, segment: Segment, end: number): Promise<LogItem> {
    if (this.#openedUnder !== manifest) await this.close();
    this.#openedUnder = manifest;
    for (;;) {
      this.#chunks ??= await this.#open(segment, end);
      const { value } = await this.#chunks.next();
      if (value === undefined) {
        this.#chunks = undefined;
        continue;
      }
      const { bytes, offset, time } = value;
      const { id } = positionIn(segment, offset);
      if (this.#rewound === undefined) {
        this.#offset = offset;
        this.#id = id;
      }
      return { type: 'stream', bytes, offset, id, segment: segment.number, time };
    }
  }

  /** Reads on in the file that holds the next byte. */
  async #open({ increments }: Segment, end: number): Promise<Chunks> {
    const next = this.#offset + 1;
    const i = increments.findLastIndex(({ startOffset }) => startOffset < next);
    const increment = increments[i];
    if (increment === undefined) {
      throw new LogError('NOT_COVERED', this.#log.directory, this.#goneMessage());
    }
    const fileEnd = increments[i + 1]?.startOffset ?? end;
    if (this.#file?.increment !== increment) {
      await this.#file?.close();
      this.#file = undefined;
      this.#file = await IncrementReader.open(this.#log.disk, this.#log.pathOf, increment);
    }
    return this.#file.read(next, Math.min(fileEnd, end));
  }

  #reset(segment: Segment): LogItem {
    const { manifest } = this.#log;
    const successor = successorOf(manifest, segment.number);
    const reason = 'reason' in segment ? String(segment.reason) : 'a full resync';
    const from = this.#here(segment);
    this.#segment = successor.number;
    this.#offset = successor.bases[0]?.offset ?? startOf(successor);
    const to = this.#here(successor);
    this.#id = to.id;
    const time = 'ended' in segment ? Number(segment.ended) : undefined;
    return { type: 'reset', from, to, reason, segment: successor.number, time };
  }

  #here(segment: Segment): Position {
    return positionIn(segment, this.#offset);
  }

  #goneMessage(): string {
    const who = this.name === undefined ? 'this reader' : `reader ${this.name}`;
    return `what ${who} was to read next is not held any longer in ${this.#log.directory}`;
  }

  #notCovered({ id, offset }: Position): LogError {
    const { directory, manifest, written } = this.#log;
    const { live } = manifest;
    const held = `${positionIn(live, 0).id}:${startOf(live)} to ${written}`;
    const message = `${id}:${offset} is not held in ${directory}, which has ${held}`;
    return new LogError('NOT_COVERED', directory, message);
  }
}

/** The time at which bytes of an id were discarded; the last step back if no id is given or none of its bytes are held. */
function steppedBackAt({ past }: Manifest, id?: string): number | undefined {
  const tails = past.filter(({ by }) => by === 'rewound');
  return (tails.findLast(({ ids }) => ids.some((span) => span.id === id)) ?? tails.at(-1))?.ended;
}

function changed(log: WatchedLog, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    // Earlier events do not wake it: check for them first.
    if (log.closed || signal?.aborted) {
      resolve();
      return;
    }
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    log.onChange(wake);
    signal?.addEventListener('abort', wake);
  });
}
