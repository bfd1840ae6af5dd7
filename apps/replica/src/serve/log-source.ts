import type { Log } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { Snapshot, Source, Upstream } from '@forebay/primary';
import type { ServedStream } from '@forebay/psync';

/** Serves replicas out of the log on disk: its newest base, and the stream as far back as there is one. */
export class LogSource implements Source {
  readonly #upstream: () => Upstream;
  #log: Log | undefined;

  constructor(upstream: () => Upstream) {
    this.#upstream = upstream;
  }

  get upstream(): Upstream {
    return this.#upstream();
  }

  get held(): ServedStream | undefined {
    const { history, lowest, written: offset } = this.#log ?? {};
    if (history === undefined || lowest === undefined || offset === undefined) return undefined;
    // Where we have lost what a replica below us has not, it comes again from above.
    return { history, firstByte: lowest + 1, offset, growing: true };
  }

  /** From now on this log is served; undefined: none is open. */
  serve(log: Log | undefined): void {
    this.#log = log;
  }

  async openSnapshot(): Promise<Snapshot> {
    const log = this.#open();
    const opened = await log.openBase();
    const { history } = log;
    if (history === undefined) throw this.#gone(log);
    return {
      history,
      offset: opened.base.offset,
      length: opened.base.size,
      read: () => opened.read(),
      close: () => opened.close(),
    };
  }

  async *read(after: number): AsyncGenerator<Uint8Array, void, void> {
    const log = this.#open();
    const { history } = log;
    if (history === undefined) throw this.#gone(log);
    const name = 'a replica';
    for await (const item of log.read({ id: history.id, offset: after }, { follow: false, name })) {
      // Who reads a stream that breaks off is cut off by the break itself, and asks anew.
      if (item.type !== 'stream') return;
      yield item.bytes;
    }
  }

  #open(): Log {
    if (this.#log === undefined) throw new Error('no log is open');
    return this.#log;
  }

  #gone({ directory }: Log): LogError {
    return new LogError('NOT_COVERED', directory, `nothing is held in ${directory}`);
  }
}
