import { write } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds after which a pipe that took nothing is tried again: somebody made it non-blocking. */
const TRY_AGAIN = 5;

/** Standard output, without what Node makes of it. */
export const STANDARD_OUTPUT = 1;

/**
 * Writes all of it to a pipe or a file. The process' own `stdout` would block everything while a consumer is
 * slow, signals too: here another thread waits for it.
 *
 * @throws the system's error: `EPIPE` where nobody reads
 */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += await writeSome(fd, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await pause(TRY_AGAIN);
    }
  }
}

function writeSome(fd: number, bytes: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}
