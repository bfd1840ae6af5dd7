import type { Position } from '@forebay/psync';
import type { StreamOptions } from './options.ts';
import { sourceOf } from './options.ts';
import type { Source, SourceItem } from './source.ts';

/**
 * The stream itself, verbatim, with its breaks: what `feed` makes changes of.
 *
 * @throws {FeedError} `INVALID_OPTION`
 */
export function streamFrom(options: StreamOptions): Stream {
  return new Stream(options);
}

/** Made by `streamFrom`. One who iterates; ended by leaving the loop, by `close`, or by the signal. */
export class Stream implements AsyncIterableIterator<SourceItem>, AsyncDisposable {
  readonly #options: StreamOptions;
  readonly #source: Source;
  #items: AsyncGenerator<SourceItem, void, void> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws {FeedError} `INVALID_OPTION` */
  constructor(options: StreamOptions) {
    this.#options = options;
    this.#source = sourceOf(options);
  }

  /** @throws {FeedError} `NOT_COVERED`, `LOG`, `LINK` */
  async next(): Promise<IteratorResult<SourceItem, void>> {
    this.#items ??= this.#begin();
    try {
      const result = await this.#items.next();
      if (result.done || this.#closed !== undefined) return await this.return();
      const { value } = result;
      if (value.type === 'start') this.#options.onNotice?.({ type: 'begin', place: value });
      return result;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<SourceItem, void>> {
    await this.close();
    return { value: undefined, done: true };
  }

  /** Keeps a place under the cursor's name. @throws {FeedError} `INVALID_OPTION`, `NOT_COVERED`, `LOG` */
  async keep({ id, offset }: Position): Promise<void> {
    await this.#source.keep({ id, offset });
  }

  /** Ends it, in whatever state. */
  close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#closed ??= this.#source.close();
    return this.#closed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(): AsyncGenerator<SourceItem, void, void> {
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    return this.#source.items();
  }

  readonly #onAbort = () => void this.close();
}
