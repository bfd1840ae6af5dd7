import type { Position } from '@forebay/psync';
import type { LogItem, ReadOptions } from '../reading/read-log.ts';

/** What a cursor needs of its log. */
export interface CursorHost {
  read(from: Position, options: ReadOptions): AsyncGenerator<LogItem, void, void>;
  /** Makes the place durable, and tells the number of its segment. */
  keep(name: string, position: Position, hint: number): Promise<number>;
  forget(name: string): Promise<void>;
}

/** A reader's place in the log, under a name, that survives restarts. */
export class Cursor {
  readonly name: string;
  readonly #host: CursorHost;
  #position: Position;
  #segment: number;
  /** The number of the segment that is being read. */
  #reading: number;

  constructor(name: string, position: Position, segment: number, host: CursorHost) {
    this.name = name;
    this.#position = position;
    this.#segment = segment;
    this.#reading = segment;
    this.#host = host;
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
    for await (const item of this.#host.read(this.#position, { ...options, ...place })) {
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
    this.#segment = await this.#host.keep(this.name, position, segment);
    this.#position = position;
  }

  /** Gives the name up; nothing is kept for it any longer. */
  async remove(): Promise<void> {
    await this.#host.forget(this.name);
  }
}
