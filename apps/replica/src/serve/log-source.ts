import type { Clock } from '@forebay/clock';
import type { Log, OpenBase } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { ReplicaPlace, Snapshot, Source, Upstream } from '@forebay/primary';
import type { ServedStream } from '@forebay/psync';
import type { FollowingSide } from './following-side.ts';

/**
 * Milliseconds in which a base is as good as fresh: those who come together cost the primary one fork.
 */
const FRESH = 10_000;

/** What replicas are called where they are cut off. */
const NAME = 'a replica';

/** Serves replicas out of the log on disk: its newest base, and the stream as far back as there is one. */
export class LogSource implements Source {
  readonly #following: FollowingSide;
  readonly #clock: Pick<Clock, 'now'>;
  #log: Log | undefined;

  constructor(following: FollowingSide, clock: Pick<Clock, 'now'>) {
    this.#following = following;
    this.#clock = clock;
  }

  get upstream(): Upstream {
    return this.#following.upstream;
  }

  /** Whether there is a log to serve. */
  get serving(): boolean {
    return this.#log !== undefined;
  }

  get held(): ServedStream | undefined {
    const { history, olderIds, lowest, written: offset } = this.#log ?? {};
    if (history === undefined || lowest === undefined || offset === undefined) return undefined;
    // Where we have lost what a replica below us has not, it comes again from above.
    const growing = this.#following.catchingUp;
    return { history, olderIds: olderIds ?? [], firstByte: lowest + 1, offset, growing };
  }

  get boundary(): number | undefined {
    return this.#log?.boundary?.offset;
  }

  /** From now on this log is served; undefined: none is open. */
  serve(log: Log | undefined): void {
    this.#log = log;
  }

  async openSnapshot({ alone }: { readonly alone: boolean }): Promise<Snapshot> {
    const log = this.#open();
    const opened = await this.#baseOf(log, alone);
    const { history } = log;
    if (history === undefined) throw this.#gone(log);
    const { offset, size: length } = opened.base;
    const letGo = log.hold({ offset, name: 'a full copy', cutOff: () => {} });
    return {
      history,
      offset,
      length,
      read: () => opened.read(),
      close: async () => {
        letGo();
        await opened.close();
      },
    };
  }

  hold(place: ReplicaPlace): () => void {
    return this.#open().hold(place);
  }

  async lookAbove(): Promise<void> {
    await this.#following.lookAbove();
  }

  async *read(after: number): AsyncGenerator<Uint8Array, void, void> {
    const log = this.#open();
    const { history } = log;
    if (history === undefined) throw this.#gone(log);
    const reading = log.read({ id: history.id, offset: after }, { follow: false, name: NAME });
    for await (const item of reading) {
      // Who reads a stream that breaks off is cut off by the break itself, and asks anew.
      if (item.type !== 'stream') return;
      yield item.bytes;
    }
  }

  /**
   * The newest base; a fresh one, where times in the stream after an old one would count anew, and where
   * it is asked for without the stream: a backup, or the base of a forebay below.
   */
  async #baseOf(log: Log, alone: boolean): Promise<OpenBase> {
    const opened = await log.openBase();
    if (!(alone || opened.relativeTimes) || this.#isFresh(opened, log)) return opened;
    await opened.close();
    await this.#following.freshenBase();
    const again = await log.openBase();
    if (this.#isFresh(again, log)) return again;
    await again.close();
    const why = alone ? 'a snapshot alone was asked for' : 'the primary is older than 7.0';
    throw new Error(`${why}, and a fresh base could not be had`);
  }

  #isFresh({ base }: OpenBase, { written }: Log): boolean {
    const age = this.#clock.now() - base.time;
    return written === base.offset || (age >= 0 && age < FRESH);
  }

  #open(): Log {
    if (this.#log === undefined) throw new Error('no log is open');
    return this.#log;
  }

  #gone({ directory }: Log): LogError {
    return new LogError('NOT_COVERED', directory, `nothing is held in ${directory}`);
  }
}
