import type { Cursor, Log, LogItem } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { Random } from '@forebay/testkit';
import type { ProcessClock } from './process-clock.ts';
import type { ReaderName } from './steps.ts';
import { StreamCopy } from './stream-copy.ts';
import type { Truth } from './truth.ts';

/** Milliseconds between two checks of an awaited condition. */
const TICK = 50;

export interface ReaderHost {
  readonly truth: Truth;
  /** Whether the cursor may lose its position, because the hard limit was reached. */
  mayBeCutOff(name: string): boolean;
  fail(rule: string, message: string): void;
}

/** A consumer with a cursor that it commits at random moments. At each commit it keeps what it has read so far. */
export class Reader {
  readonly name: ReaderName;
  readonly #random: Random;
  readonly #host: ReaderHost;
  #acts: 'read' | 'pause' | 'stop' = 'stop';
  #pace = 0;
  #reading: AbortController | undefined;
  /** What it had read at its last commit, and at a later commit that has not returned. */
  #committed: StreamCopy | undefined;
  #committing: StreamCopy | undefined;
  /** A removed cursor may reappear after a power cut, while the log has kept nothing for it. */
  #wasRemoved = false;
  /** Offset of the last byte read. */
  read = 0;

  constructor(name: ReaderName, random: Random, host: ReaderHost) {
    this.name = name;
    this.#random = random;
    this.#host = host;
  }

  /** Whether it reads as fast as it can. */
  get active(): boolean {
    return this.#acts === 'read';
  }

  /** Reads this log from now on, unless it has stopped. */
  open(log: Log, clock: ProcessClock): void {
    this.#reading?.abort();
    this.#reading = undefined;
    if (this.#acts === 'stop') return;
    this.#reading = new AbortController();
    void this.#read(log, clock, this.#reading.signal);
  }

  act(
    act: 'read' | 'pause' | 'stop' | 'remove',
    pace: number,
    log: Log | undefined,
    clock: ProcessClock | undefined,
  ): void {
    const before = this.#acts;
    this.#acts = act === 'remove' ? 'stop' : act;
    this.#pace = pace;
    if (this.#acts === 'stop') this.#reading?.abort();
    if (log === undefined || clock === undefined) return;
    if (act === 'remove') void this.#remove(log);
    if (before === 'stop' && this.#acts !== 'stop') this.open(log, clock);
  }

  async #read(log: Log, clock: ProcessClock, signal: AbortSignal): Promise<void> {
    try {
      while (log.history === undefined) await wait(clock, TICK);
      const { id } = log.history;
      const cursor = await log.cursor(this.name, { id, offset: log.lowest ?? 0 });
      if (signal.aborted) return;
      const { id: known, offset } = cursor.position;
      const kept = [this.#committing, this.#committed].find((copy) => {
        return copy?.position.id === known && copy.position.offset === offset;
      });
      const copy = new StreamCopy(cursor.position, kept);
      this.read = offset;
      for await (const item of cursor.read({ signal })) {
        if (signal.aborted) return;
        this.#take(item, copy);
        if (this.#random.integer(0, 3) === 0) await this.#commit(cursor, copy);
        if (this.#pace > 0) await wait(clock, this.#pace);
        while (this.#acts === 'pause') await wait(clock, TICK);
      }
    } catch (error) {
      if (signal.aborted || clock.ended) return;
      await this.#onError(error, log, clock, signal);
    }
  }

  async #onError(
    error: unknown,
    log: Log,
    clock: ProcessClock,
    signal: AbortSignal,
  ): Promise<void> {
    const code = error instanceof LogError ? error.code : undefined;
    if (code === 'NOT_COVERED' && (this.#wasRemoved || this.#host.mayBeCutOff(this.name))) {
      await this.#remove(log);
    } else if (code !== 'IO' && code !== 'MISUSE') {
      this.#host.fail('a cursor keeps its position', `${this.name}: ${(error as Error).stack}`);
      return;
    }
    // A full disk also refuses to store the position of a reader.
    await wait(clock, TICK);
    if (!signal.aborted) await this.#read(log, clock, signal);
  }

  async #remove(log: Log): Promise<void> {
    this.#committed = undefined;
    this.#committing = undefined;
    this.#wasRemoved = true;
    try {
      await (await log.cursor(this.name)).remove();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
    }
  }

  /** If the log has stepped back meanwhile, the commit fails and the step back is read next. A full disk may refuse it. */
  async #commit(cursor: Cursor, copy: StreamCopy): Promise<void> {
    const kept = copy.clone();
    this.#committing = kept;
    try {
      await cursor.commit(kept.position);
      this.#committed = kept;
      this.#wasRemoved = false;
    } catch (error) {
      if (!(error instanceof LogError) || error.code === 'CORRUPT') throw error;
    }
  }

  #take(item: LogItem, copy: StreamCopy): void {
    const { id, offset } = copy.position;
    if (item.type === 'stream' && item.offset - item.bytes.length !== offset) {
      const from = item.offset - item.bytes.length;
      this.#host.fail('readers read without a gap', `${this.name}: ${from} after ${offset}`);
    } else if (item.type === 'rewound' && item.to.offset > offset) {
      const places = `from ${offset} to ${item.to.offset}`;
      this.#host.fail('a reader is rewound to an earlier offset', `${this.name}: ${places}`);
    }
    copy.take(item);
    this.read = copy.position.offset;
    // After a change of the history all bytes are checked, otherwise only the new ones.
    const isSame = id === copy.position.id && item.type === 'stream';
    const fault = copy.faultIn(this.#host.truth, isSame ? offset : undefined);
    if (fault === undefined) return;
    const place = `${copy.position.id}:${copy.position.offset}`;
    this.#host.fail('readers read what was written', `${this.name} at ${place}: ${fault}`);
  }
}

function wait(clock: ProcessClock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(milliseconds, resolve));
}
