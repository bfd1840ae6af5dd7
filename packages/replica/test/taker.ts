import type { History } from '@forebay/psync';
import { concatBytes, textOf } from '@forebay/testkit';
import type { ReplicaError, ReplicaItem, ReplicaOptions, ReplicaState } from '../src/index.ts';
import { Replica } from '../src/index.ts';

/** Waits that a test can afford. */
const BRISK: Pick<ReplicaOptions, 'backoff'> = {
  backoff: { initialDelay: 20, maxDelay: 60 },
};

interface TakerOptions {
  /** false: nothing is told of what was taken. */
  readonly stores?: boolean;
}

/** One who takes all items of a replica, copies them, and says that they are stored. */
export class Taker implements AsyncDisposable {
  readonly replica: Replica;
  /** What came, but for the bytes. */
  readonly items: ReplicaItem[] = [];
  readonly states: ReplicaState[] = [];
  readonly errors: ReplicaError[] = [];
  readonly delays: number[] = [];
  /** Resolves at the end of the items, with what they ended with. */
  readonly ended: Promise<unknown>;
  readonly #stores: boolean;
  #snapshot: Uint8Array[] = [];
  #stream: Uint8Array[] = [];

  constructor(options: ReplicaOptions, { stores = true }: TakerOptions = {}) {
    this.replica = new Replica({ ...BRISK, ...options });
    this.#stores = stores;
    this.replica.on('state', (state) => this.states.push(state));
    this.replica.on('attempt-ended', (error, delay) => {
      this.errors.push(error);
      this.delays.push(delay);
    });
    this.ended = this.#take().catch((error: unknown) => error);
  }

  /** The last snapshot, as far as it has come. */
  get snapshot(): Uint8Array {
    return concatBytes(this.#snapshot);
  }

  /** All of the stream, over all links, one character a byte. */
  get stream(): string {
    return textOf(concatBytes(this.#stream));
  }

  /** Types in order, one for each run of the same. */
  get types(): string[] {
    const types = this.items.map(({ type }) => type);
    return types.filter((type, i) => type !== types[i - 1]);
  }

  get histories(): History[] {
    return this.items.flatMap((item) => ('history' in item ? [item.history] : []));
  }

  /** The last of that type. */
  item<T extends ReplicaItem['type']>(type: T): Extract<ReplicaItem, { type: T }> | undefined {
    const isOne = (item: ReplicaItem): item is Extract<ReplicaItem, { type: T }> =>
      item.type === type;
    return this.items.filter(isOne).at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.replica.detach();
    await this.ended;
  }

  async #take(): Promise<void> {
    for await (const item of this.replica) {
      this.items.push(item);
      if (item.type === 'full-resync') this.#snapshot = [];
      if (item.type === 'snapshot') this.#snapshot.push(new Uint8Array(item.bytes));
      if (item.type === 'stream') this.#stream.push(new Uint8Array(item.bytes));
      const stored =
        item.type === 'snapshot-end' || item.type === 'stream' ? item.offset : undefined;
      if (stored !== undefined && this.#stores) {
        this.replica.progress({ written: stored, synced: stored });
      }
    }
  }
}
