import type { Cursor, LogItem } from '@forebay/log';
import { LogError, LogView } from '@forebay/log';
import type { Position } from '@forebay/psync';
import type { Reset, Rewound } from './change.ts';
import { FORMAT_VERSION } from './change.ts';
import { FeedError } from './errors.ts';
import type { Place } from './place.ts';
import type { Source, SourceItem } from './source.ts';

export interface LogSourceOptions {
  readonly dir: string;
  readonly from: Place | undefined;
  readonly cursor: string | undefined;
  readonly follow: boolean;
}

/** The stream out of a log, which another process may be writing to. */
export class LogSource implements Source {
  readonly #options: LogSourceOptions;
  readonly #closing = new AbortController();
  #view: LogView | undefined;
  #cursor: Cursor | undefined;
  /** The number of the segment that is read. */
  #segment: number | undefined;

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
    if (this.#cursor === undefined) {
      throw new FeedError('INVALID_OPTION', 'without a cursor there is no place to keep');
    }
    try {
      await this.#cursor.commit({ id, offset }, this.#segment);
    } catch (error) {
      throw toFeedError(error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#view?.close();
  }

  async *#items(): AsyncGenerator<SourceItem, void, void> {
    const { dir, from, cursor } = this.#options;
    const view = await LogView.open(dir);
    this.#view = view;
    if (this.#closing.signal.aborted) return view.close();
    if (cursor !== undefined) this.#cursor = await view.cursor(cursor, from && positionOf(from));
    this.#segment = this.#cursor?.segment;
    let place: Position | undefined = this.#cursor?.position ?? from ?? view.end;
    while (place !== undefined) place = yield* this.#from(view, positionOf(place));
  }

  /** Reads from a place to the next break, and tells where it goes on; undefined at the end. */
  async *#from(
    view: LogView,
    place: Position,
  ): AsyncGenerator<SourceItem, Position | undefined, void> {
    const { cursor: name, follow } = this.#options;
    const segment = this.#segment;
    const start = await view.boundaryAt(place, segment);
    if (start !== undefined) {
      yield { type: 'start', id: place.id, ...start, after: place.offset };
    }
    const { signal } = this.#closing;
    const items = view.read(
      { id: place.id, offset: start?.offset ?? place.offset },
      {
        ...{ follow, signal },
        // What a cursor has seen may have been lost in a power cut, and come again.
        ahead: name !== undefined,
        ...(name === undefined ? {} : { name }),
        ...(segment === undefined ? {} : { segment }),
      },
    );
    for await (const item of items) {
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
}

function breakOf(item: Exclude<LogItem, { type: 'stream' }>): Reset | Rewound {
  const { from, to } = item;
  if (item.type === 'rewound') return { type: 'rewound', v: FORMAT_VERSION, from, to };
  return { type: 'reset', v: FORMAT_VERSION, from, to, reason: item.reason };
}

function positionOf({ id, offset }: Position): Position {
  return { id, offset };
}

function toFeedError(error: unknown): unknown {
  if (!(error instanceof LogError)) return error;
  const code = error.code === 'NOT_COVERED' ? 'NOT_COVERED' : 'LOG';
  return new FeedError(code, error.message, { cause: error });
}
