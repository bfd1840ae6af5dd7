import type { ReplicaItem } from './items.ts';

/** Bytes waiting at which the socket is paused, and below which it reads again. */
export interface QueueLimits {
  readonly pauseAt: number;
  readonly resumeAt: number;
}

/** Who is told of the queue's turns. */
export interface QueueListener {
  /** Too much waits: no more is to be read. */
  onFull(): void;
  /** Little enough waits again. */
  onDrained(): void;
  /** The next item is asked for and none waits: nobody needs the bytes of those before any longer. */
  onEmpty(): void;
}

type BytesItem = Extract<ReplicaItem, { readonly bytes: Uint8Array }>;

/**
 * Items between the socket and the one who takes them. Neighbours of one kind whose bytes lie side by
 * side in memory become one, so a slow taker writes much at a time.
 */
export class ItemQueue {
  readonly #limits: QueueLimits;
  readonly #listener: QueueListener;
  readonly #items: ReplicaItem[] = [];
  #bytes = 0;
  #full = false;
  #ended: { readonly failed: boolean; readonly error: unknown } | undefined;
  #waiting: { resolve: () => void } | undefined;
  #idle: (() => void)[] = [];

  constructor(limits: QueueLimits, listener: QueueListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /** Whether the socket is to stay paused. */
  get full(): boolean {
    return this.#full;
  }

  push(item: ReplicaItem): void {
    if (this.#ended !== undefined) return;
    const last = this.#items.at(-1);
    const merged = last === undefined ? undefined : merge(last, item);
    if (merged === undefined) this.#items.push(item);
    else this.#items[this.#items.length - 1] = merged;
    if ('bytes' in item) this.#bytes += item.bytes.length;
    if (!this.#full && this.#bytes >= this.#limits.pauseAt) {
      this.#full = true;
      this.#listener.onFull();
    }
    this.#wake();
  }

  /** After what is queued the items end. */
  end(): void {
    this.#ended ??= { failed: false, error: undefined };
    this.#wake();
  }

  /** The items end at once, with `error`; what is queued is dropped. */
  fail(error: unknown): void {
    this.#ended = { failed: true, error };
    this.#items.length = 0;
    this.#wake();
  }

  /** The next item, undefined at the end. One call at a time. */
  async take(): Promise<ReplicaItem | undefined> {
    if (this.#items.length === 0) this.#onEmpty();
    while (this.#items.length === 0) {
      if (this.#ended?.failed) throw this.#ended.error;
      if (this.#ended !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiting = { resolve };
      });
    }
    const item = this.#items.shift()!;
    if ('bytes' in item) this.#bytes -= item.bytes.length;
    if (this.#full && this.#bytes <= this.#limits.resumeAt) {
      this.#full = false;
      this.#listener.onDrained();
    }
    return item;
  }

  /**
   * Resolves when the next item is asked for and none waits: all that was pushed has been taken and
   * done with. Never, if it is not asked for.
   */
  drained(): Promise<void> {
    if (this.#items.length === 0 && this.#waiting !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #onEmpty(): void {
    this.#listener.onEmpty();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}

function merge(last: ReplicaItem, item: ReplicaItem): ReplicaItem | undefined {
  if (last.type === 'stream' && item.type === 'stream') {
    const bytes = adjacent(last, item);
    return bytes && { ...item, bytes };
  }
  if (last.type === 'snapshot' && item.type === 'snapshot') {
    const bytes = adjacent(last, item);
    return bytes && { type: 'snapshot', bytes };
  }
  return undefined;
}

function adjacent({ bytes: a }: BytesItem, { bytes: b }: BytesItem): Uint8Array | undefined {
  if (a.buffer !== b.buffer || a.byteOffset + a.length !== b.byteOffset) return undefined;
  return new Uint8Array(a.buffer, a.byteOffset, a.length + b.length);
}
