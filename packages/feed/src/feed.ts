import type { FeedItem, SnapshotEnd } from './change.ts';
import { FORMAT_VERSION } from './change.ts';
import { ChangeDecoder } from './change-decoder.ts';
import { FeedError } from './errors.ts';
import { Sieve } from './filter.ts';
import type { FeedOptions } from './options.ts';
import type { Place } from './place.ts';
import { SnapshotDecoder } from './snapshot-decoder.ts';
import type { SourceItem, Start } from './source.ts';
import type { Stream } from './stream.ts';
import { streamFrom } from './stream.ts';

/**
 * The changes of a durable log or of a server, in order, each once as long as it runs. It begins when the
 * first is asked for.
 *
 * @throws {FeedError} `INVALID_OPTION`
 */
export function feed(options: FeedOptions): Feed {
  return new Feed(options);
}

/** Made by `feed`. One who iterates; ended by leaving the loop, by `close`, or by the signal. */
export class Feed implements AsyncIterableIterator<FeedItem>, AsyncDisposable {
  readonly #options: FeedOptions;
  readonly #stream: Stream;
  /** Of the stream, from where it began last. */
  #decoder: ChangeDecoder | undefined;
  /** Of the snapshot that is being read. */
  #snapshot: SnapshotDecoder | undefined;
  /** Where the stream broke off to, until it begins there. */
  #broken: Place | undefined;

  /** @throws {FeedError} `INVALID_OPTION` */
  constructor(options: FeedOptions) {
    new Sieve(options);
    this.#options = options;
    this.#stream = streamFrom(options);
  }

  /**
   * What has been taken reaches up to here: a feed from this place gives what comes next, and of a
   * transaction that is not finished all. Undefined before the first. While a snapshot is read it stays
   * where it was before it.
   */
  get position(): Place | undefined {
    if (this.#broken !== undefined || this.#decoder === undefined) return this.#broken;
    return { id: this.#decoder.id, ...this.#decoder.boundary };
  }

  /**
   * Keeps a place under the cursor's name, durable when it resolves: that of the item given last unless
   * one is given, which is a `position` of before. After a stop of any kind what comes after it is given
   * again: at least once. It may be called when the feed has ended, too.
   *
   * @throws {FeedError} `INVALID_OPTION` without a cursor, and before the first item; `NOT_COVERED`, `LOG`
   */
  async checkpoint(place: Place | undefined = this.position): Promise<void> {
    if (place === undefined) {
      throw new FeedError('INVALID_OPTION', 'nothing has been taken that could be kept');
    }
    await this.#stream.keep(place);
  }

  /** @throws {FeedError} `NOT_COVERED`, `DESYNCHRONIZED`, `SNAPSHOT`, `LOG`, `LINK` */
  next(): Promise<IteratorResult<FeedItem, void>> {
    try {
      // Most changes lie in the bytes that are here, and cost no more than a promise.
      const item = (this.#snapshot ?? this.#decoder)?.next();
      if (item !== undefined) return Promise.resolve({ value: item, done: false });
    } catch (error) {
      return this.#fail(error);
    }
    return this.#more();
  }

  async return(): Promise<IteratorResult<FeedItem, void>> {
    await this.close();
    return { value: undefined, done: true };
  }

  /** Ends it, in whatever state. */
  async close(): Promise<void> {
    await this.#stream.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #more(): Promise<IteratorResult<FeedItem, void>> {
    for (;;) {
      const { value: item, done } = await this.#stream.next();
      if (done) return { value: undefined, done: true };
      try {
        const told = this.#take(item);
        if (told !== undefined) return { value: told, done: false };
      } catch (error) {
        return this.#fail(error);
      }
    }
  }

  /** What cannot be decoded is not followed any further. */
  async #fail(error: unknown): Promise<never> {
    await this.close();
    throw error;
  }

  #take(item: SourceItem): FeedItem | undefined {
    switch (item.type) {
      case 'start':
        return this.#start(item);
      case 'stream': {
        const decoder = this.#decoder;
        if (decoder === undefined) return undefined;
        decoder.id = item.id;
        decoder.push(item.bytes, item.time);
        return decoder.next();
      }
      case 'snapshot':
        this.#snapshot = new SnapshotDecoder(this.#options);
        return item;
      case 'rdb':
        this.#snapshot?.push(item.bytes);
        return this.#snapshot?.next();
      default:
        this.#broken = item.to;
        this.#decoder = undefined;
        return item;
    }
  }

  #start(start: Start): SnapshotEnd | undefined {
    const snapshot = this.#snapshot;
    snapshot?.finish();
    this.#decoder = new ChangeDecoder({ ...start, filter: this.#options });
    this.#broken = undefined;
    this.#snapshot = undefined;
    if (snapshot === undefined) return undefined;
    const at = { id: start.id, offset: start.after };
    return { type: 'snapshot-end', v: FORMAT_VERSION, at };
  }
}
