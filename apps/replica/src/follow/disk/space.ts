import { LogError } from '@forebay/log';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import { formatBytes } from '../../reporter.ts';
import type { PauseCause } from '../../status/status.ts';
import type { World } from '../world.ts';

/** The errors of a full file system, a quota, and a limit of file sizes. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Milliseconds between two attempts: the first, at most, and at most where each costs the primary a fork. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const LONGEST_WAIT_FOR_COPY = 300_000;
/** Milliseconds before the first attempt after `--max-disk` was reached: it may cost a fork. */
const LEAST_AT_LIMIT = 10_000;
/** Milliseconds after which an attempt is made whatever the free space is, where it costs no fork. */
const BLIND = 60_000;
/** Milliseconds between two looks at the free space. */
const LOOK = 1000;
/** Bytes of free space that make another attempt worth it. */
const LEAST_ROOM = 1024 * 1024;

/** The reason for which the stream cannot be written. */
export interface Obstacle {
  readonly cause: PauseCause;
  /** Whether it is the stream that does not fit, or a base. */
  readonly of: 'stream' | 'base';
  /** The failed operation, the file and the cause. */
  readonly reason: string;
  /** Bytes that have to be free before the next attempt; 0 where that is not known. */
  readonly needed: number;
  /** Whether the free space shows when the obstacle is gone: not so for a quota or a limit of file sizes. */
  readonly shown: boolean;
}

/** Bytes that have no room, which is known before they are written. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
  readonly limit: PauseCause;
  /** Whether it is the stream that does not fit, or a base. */
  readonly of: 'stream' | 'base';
  /** The `--max-disk` that is needed, or the bytes that have to be free; 0: not known. */
  readonly needed: number;

  constructor(limit: PauseCause, of: 'stream' | 'base', reason: string, needed: number) {
    super(reason);
    this.limit = limit;
    this.of = of;
    this.needed = needed;
  }
}

/** The excess over `--max-disk`, in bytes, and the limit that is needed. */
export function overLimit(
  limit: number,
  of: 'stream' | 'base',
  reason: string,
  needed: number,
): NoRoomError {
  const message = `--max-disk ${formatBytes(limit)}: ${reason}; give ${formatBytes(needed)} or more`;
  return new NoRoomError('max-disk', of, message, needed);
}

/**
 * The obstacle in an error; undefined if the error is not about disk space. `copy`: bytes of a full resync
 * that did not fit, 0 for none.
 */
export function obstacleOf(error: unknown, copy: number): Obstacle | undefined {
  if (error instanceof NoRoomError) {
    const { message: reason, limit: cause, of, needed } = error;
    return { cause, of, reason, needed, shown: true };
  }
  const errno = errnoOf(error);
  if (errno === undefined || !NO_ROOM.has(errno)) return undefined;
  const { message: reason } = error as Error;
  const of = copy > 0 ? 'base' : 'stream';
  return { cause: 'disk-full', of, reason, needed: copy, shown: errno === 'ENOSPC' };
}

function errnoOf(error: unknown): string | undefined {
  if (error instanceof LogError) return error.errno;
  return error instanceof RdbReceiverError ? error.systemCode : undefined;
}

/** Of a file system, in bytes. */
export interface Space {
  readonly total: number;
  readonly free: number;
}

/**
 * The size of a file system and its free bytes; undefined where it does not tell. Some that do not know their
 * size say 0: a share of that as a limit would delete all that is past.
 */
export async function spaceOf(
  { disk }: Pick<World, 'disk'>,
  directory: string,
): Promise<Space | undefined> {
  const space = await disk.space(directory).catch(() => undefined);
  return space === undefined || space.total === 0 ? undefined : space;
}

/** The limit of the log in bytes, now. */
interface LimitedLog {
  /** Bytes. */
  readonly limit: number;
  /** Whether the stream may go on. */
  readonly hasRoom: boolean;
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

  /**
   * Resolves when an attempt is worth it, or `stop` is aborted. At `--max-disk` that is when the limit is what
   * is needed; or when the next attempt, which may cost the primary a fork, is due and `log` has room.
   */
  async until(obstacle: Obstacle, stop: AbortSignal, log: LimitedLog | undefined): Promise<void> {
    const { cause, of, needed } = obstacle;
    const forks = of === 'base' || cause === 'max-disk';
    const longest = forks ? LONGEST_WAIT_FOR_COPY : LONGEST_WAIT;
    const least = Math.min(
      Math.max(this.#wait, cause === 'max-disk' ? LEAST_AT_LIMIT : 0),
      longest,
    );
    const blind = cause === 'disk-full' ? blindAfter(obstacle) : Infinity;
    this.#wait = 2 * least;
    for (let waited = 0; !stop.aborted && waited < blind; ) {
      const wait = Math.min(waited < least ? least - waited : LOOK, LOOK);
      await this.#sleep(wait, stop);
      waited += wait;
      if (cause === 'max-disk') {
        const { limit = Infinity, hasRoom = true } = log ?? {};
        if (limit >= needed) return;
        // Of a base that did not fit nothing is known but that the primary may have less by now.
        if (of === 'stream' ? waited >= least && hasRoom : waited >= longest) return;
      } else if (waited >= least && (await this.#has(needed))) return;
    }
  }

  async #has(needed: number): Promise<boolean> {
    const space = await spaceOf(this.#world, this.#directory);
    // Where it is not known, an attempt tells.
    return space === undefined || space.free > Math.max(LEAST_ROOM, needed);
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

function blindAfter({ of, shown }: Obstacle): number {
  if (of === 'base') return Infinity;
  return shown ? BLIND : LONGEST_WAIT;
}
