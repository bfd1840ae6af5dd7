import { LogError } from '@forebay/log';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import type { PauseCause } from '../status/status.ts';
import type { World } from './world.ts';

/** The errors of a full file system, a quota, and a limit of file sizes. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Milliseconds between two attempts: the first, at most, and at most where each costs the primary a fork. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const LONGEST_WAIT_FOR_COPY = 300_000;
/** Milliseconds after which an attempt is made whatever the free space is, where it costs no fork. */
const BLIND = 60_000;
/** Milliseconds between two looks at the free space. */
const LOOK = 1000;
/** Bytes of free space that make another attempt worth it. */
const LEAST_ROOM = 1024 * 1024;

/** What keeps the stream from being written. */
export interface Obstacle {
  readonly cause: PauseCause;
  /** What was refused, on what, and why. */
  readonly reason: string;
  /** Bytes that have to be free before the next attempt; 0 where that is not known. */
  readonly needed: number;
  /** Whether the free space shows when the obstacle is gone: not so for a quota or a limit of file sizes. */
  readonly shown: boolean;
}

/**
 * What an error says of room; undefined where it is about something else. `copy`: bytes of a full resync
 * that did not fit, 0 for none.
 */
export function obstacleOf(error: unknown, copy: number): Obstacle | undefined {
  const errno = errnoOf(error);
  if (errno === undefined || !NO_ROOM.has(errno)) return undefined;
  const { message: reason } = error as Error;
  return { cause: 'disk-full', reason, needed: copy, shown: errno === 'ENOSPC' };
}

function errnoOf(error: unknown): string | undefined {
  if (error instanceof LogError) return error.errno;
  return error instanceof RdbReceiverError ? error.systemCode : undefined;
}

/** Waits for room, longer after each attempt that failed. */
export class SpaceWait {
  readonly #world: World;
  readonly #directory: string;
  #wait = FIRST_WAIT;

  constructor(world: World, directory: string) {
    this.#world = world;
    this.#directory = directory;
  }

  /** There was room. */
  reset(): void {
    this.#wait = FIRST_WAIT;
  }

  /** Resolves when an attempt is worth it, or `stop` is aborted. */
  async until({ needed, shown }: Obstacle, stop: AbortSignal): Promise<void> {
    const longest = needed > 0 ? LONGEST_WAIT_FOR_COPY : LONGEST_WAIT;
    const blind = needed > 0 ? Infinity : shown ? BLIND : LONGEST_WAIT;
    const least = Math.min(this.#wait, longest);
    this.#wait = 2 * least;
    for (let waited = 0; !stop.aborted && waited < blind; ) {
      const wait = waited < least ? Math.min(least - waited, LONGEST_WAIT) : LOOK;
      await this.#sleep(wait, stop);
      waited += wait;
      if (waited >= least && (await this.#has(Math.max(LEAST_ROOM, needed)))) return;
    }
  }

  async #has(bytes: number): Promise<boolean> {
    const { free } = await this.#world.disk.space(this.#directory);
    return free > bytes;
  }

  #sleep(milliseconds: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        stop.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = this.#world.clock.after(milliseconds, wake);
      stop.addEventListener('abort', wake);
      if (stop.aborted) wake();
    });
  }
}
