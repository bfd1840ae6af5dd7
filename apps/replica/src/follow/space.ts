import { LogError } from '@forebay/log';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import type { World } from './world.ts';

/** What says that there is no room, of the disk, of a quota, or of a file's size. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Milliseconds before the first try, and at most before another. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** The same where each try costs the primary a fork, and what is free does not tell enough. */
const LONGEST_WAIT_FOR_COPY = 300_000;

/** Whether an error says that the disk is full. */
export function isNoRoom(error: unknown): boolean {
  if (error instanceof LogError) return NO_ROOM.has(error.errno ?? '');
  return error instanceof RdbReceiverError && NO_ROOM.has(error.systemCode ?? '');
}

/** Waits for room, longer each time it was not enough. */
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

  /** Resolves when there may be room for `bytes`, or for a full copy of `copy`; or `stop` is aborted. */
  async until(bytes: number, copy: number, stop: AbortSignal): Promise<void> {
    const longest = copy > 0 ? LONGEST_WAIT_FOR_COPY : LONGEST_WAIT;
    do {
      await this.#sleep(this.#wait, stop);
      this.#wait = Math.min(longest, this.#wait * 2);
      // Where no copy is asked for, trying costs nobody anything, and lets go of what is due.
      if (copy === 0 && this.#wait === longest) return;
    } while (!stop.aborted && !(await this.#has(Math.max(bytes, copy))));
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
