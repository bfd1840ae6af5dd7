import { crc32 } from 'node:zlib';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import type { Base } from '../manifest/manifest.ts';
import { hasRelativeTimes, originOf } from './origin.ts';

/** Bytes that are read at once. */
const PIECE = 256 * 1024;

/** A base that is open: it can be read though the log lets go of it meanwhile. */
export interface OpenBase {
  readonly base: Base;
  /**
   * Whether times to live in the stream after it count from when they are read: it is of a server
   * before 7.0. Who reads both much later gets keys that live longer than they should.
   */
  readonly relativeTimes: boolean;
  /**
   * Its bytes, once, in pieces that are not changed after they were given. The last comes when all of
   * them are known to be what was taken in: without it nobody has a whole RDB.
   *
   * @throws {LogError} `CORRUPT`, `IO`
   */
  read(): AsyncGenerator<Uint8Array, void, void>;
  close(): Promise<void>;
}

/** @throws {LogError} `CORRUPT` where it does not begin as an RDB; `IO` */
export async function openBase(disk: Disk, path: string, base: Base): Promise<OpenBase> {
  const file = await orLogError(path, 'opening', () => disk.open(path, 'read'));
  try {
    return opened(file, path, base, hasRelativeTimes(await originOf(file, path)));
  } catch (error) {
    await closeQuietly(file);
    throw error;
  }
}

function opened(file: DiskFile, path: string, base: Base, relativeTimes: boolean): OpenBase {
  return {
    base,
    relativeTimes,
    async *read() {
      let crc = 0;
      let last: Uint8Array | undefined;
      for (let place = 0; place < base.size; ) {
        const into = new Uint8Array(Math.min(PIECE, base.size - place));
        const count = await orLogError(path, 'reading', () => file.read(into, place));
        if (last !== undefined) yield last;
        last = into.subarray(0, count);
        crc = crc32(last, crc);
        place += count;
        if (count < into.length) break;
      }
      if (crc !== base.crc) {
        const message = `${path} is damaged: its bytes are not those that were taken in`;
        throw new LogError('CORRUPT', path, message);
      }
      if (last !== undefined) yield last;
    },
    close: () => file.close(),
  };
}
