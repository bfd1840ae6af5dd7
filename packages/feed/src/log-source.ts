import type { Cursor, LogItem } from '@forebay/log';
import { LogError, LogView } from '@forebay/log';
import type { Position } from '@forebay/psync';
import type { Reset, Rewound } from './change.ts';
import { FORMAT_VERSION } from './change.ts';
import { FeedError, toFeedError } from './errors.ts';
import type { Place } from './place.ts';
import type { Source, SourceItem } from './source.ts';

export interface LogSourceOptions {
  readonly dir: string;
  readonly from: Place | undefined;
  /** Whether a base comes first, and wherever it breaks off. */
  readonly snapshot: boolean;
  readonly cursor: string | undefined;
  readonly follow: boolean;
}

/** Where it goes on: at a place, or at the newest base. */
type Next = Position | 'base';

/** The stream out of a log, which another process may be writing to. */
export class LogSource implements Source {
  readonly #options: LogSourceOptions;
  readonly #closing = new AbortController();
  #view: LogView | undefined;
  /** The reader's; where a snapshot comes first there is none before a place behind it is kept. */
  #cursor: Cursor | undefined;
  /** Whether what comes after the base that is read is kept by the reader's name. */
  #pinned = false;
  /** The number of the segment that is read. */
  #segment: number | undefined;
  #reason = 'nothing was read before';

  constructor(options: LogSourceOptions) {
    this.#options = options;
  }

  async *items(): AsyncGenerator<SourceItem, void, void> {
    try {
      yield* this.#items();
    } catch (error) {
      throw toFeedError(error);
    }
  }

  async keep({ id, offset }: Position): Promise<void> {
    const { cursor: name } = this.#options;
    if (name === undefined || this.#view === undefined) {
      throw new FeedError('INVALID_OPTION', 'without a cursor there is no place to keep');
    }
    try {
      this.#cursor ??= await this.#view.cursor(name, { id, offset });
      await this.#cursor.commit({ id, offset }, this.#segment);
      await this.#unpin();
    } catch (error) {
      throw toFeedError(error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#view?.close();
    await this.#unpin();
  }

  async *#items(): AsyncGenerator<SourceItem, void, void> {
    const { dir, from, snapshot, cursor: name } = this.#options;
    const view = await LogView.open(dir);
    this.#view = view;
    if (this.#closing.signal.aborted) return view.close();
    if (name !== undefined) this.#cursor = await view.keptCursor(name);
    const begin = from && positionOf(from);
    if (name !== undefined && !snapshot) this.#cursor ??= await view.cursor(name, begin);
    // One that was killed in a snapshot has left its own.
    this.#pinned = name !== undefined;
    if (this.#cursor !== undefined) await this.#unpin();
    this.#segment = this.#cursor?.segment;
    let next: Next | undefined = this.#cursor?.position ?? begin ?? (snapshot ? 'base' : view.end);
    while (next !== undefined) {
      next = yield* next === 'base' ? this.#base(view) : this.#from(view, positionOf(next));
    }
  }

  /** Reads the newest base, and tells where the stream goes on from it. */
  async *#base(view: LogView): AsyncGenerator<SourceItem, Position, void> {
    const base = await view.openBase();
    try {
      const { position, segment } = base;
      await this.#pin(view, position, segment);
      const { time } = base.base;
      yield { type: 'snapshot', v: FORMAT_VERSION, at: position, reason: this.#reason, time };
      for await (const bytes of base.read()) yield { type: 'rdb', bytes };
      // It may have taken long, and the end is where it was seen last.
      await view.look();
      this.#segment = segment;
      return position;
    } finally {
      await base.close();
    }
  }

  /** Reads from a place on, and tells where it goes on after a break; undefined at the end. */
  async *#from(view: LogView, place: Position): AsyncGenerator<SourceItem, Next | undefined, void> {
    try {
      return yield* this.#upToBreak(view, place);
    } catch (error) {
      if (!this.#options.snapshot || !isNotCovered(error)) throw error;
      this.#reason = error.message;
      return 'base';
    }
  }

  async *#upToBreak(
    view: LogView,
    place: Position,
  ): AsyncGenerator<SourceItem, Next | undefined, void> {
    const { cursor: name, snapshot, follow } = this.#options;
    const segment = this.#segment;
    const start = await view.boundaryAt(place, segment);
    if (start !== undefined) {
      yield { type: 'start', id: place.id, ...start, after: place.offset };
    }
    const { signal } = this.#closing;
    const items = view.read(
      { id: place.id, offset: start?.offset ?? place.offset },
      {
        follow,
        signal,
        // What a cursor has seen may have been lost in a power cut, and come again.
        ahead: name !== undefined,
        ...(name === undefined ? {} : { name }),
        ...(segment === undefined ? {} : { segment }),
      },
    );
    for await (const item of items) {
      if (item.type !== 'stream' && snapshot) {
        this.#reason = reasonOf(item);
        return 'base';
      }
      this.#segment = item.segment;
      if (item.type !== 'stream') {
        yield breakOf(item);
        return item.to;
      }
      // What the place was ahead of has come: now it is known where its command begins.
      if (start === undefined) return place;
      yield item;
    }
    return undefined;
  }

  /** Until the reader's own place is behind the base, retention would not know of it. */
  async #pin(view: LogView, position: Position, segment: number): Promise<void> {
    const { cursor: name } = this.#options;
    if (name === undefined || this.#cursor !== undefined) return;
    await view.pin(name, position, segment);
    this.#pinned = true;
  }

  async #unpin(): Promise<void> {
    const { cursor: name } = this.#options;
    if (!this.#pinned || name === undefined) return;
    this.#pinned = false;
    await this.#view?.unpin(name);
  }
}

function breakOf(item: Exclude<LogItem, { type: 'stream' }>): Reset | Rewound {
  const { from, to, time } = item;
  if (item.type === 'rewound') return { type: 'rewound', v: FORMAT_VERSION, from, to, time };
  return { type: 'reset', v: FORMAT_VERSION, from, to, reason: item.reason, time };
}

function reasonOf(item: Exclude<LogItem, { type: 'stream' }>): string {
  if (item.type === 'reset') return item.reason;
  return `a step back from ${item.from.offset} to ${item.to.offset}`;
}

function positionOf({ id, offset }: Position): Position {
  return { id, offset };
}

function isNotCovered(error: unknown): error is LogError {
  return error instanceof LogError && error.code === 'NOT_COVERED';
}
