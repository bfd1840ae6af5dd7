import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { LogError, orLogError } from './errors.ts';
import { placeOf } from './increment-file.ts';
import type { Increment } from './manifest.ts';

/** Bytes read from a file at once. */
const READ_SIZE = 256 * 1024;

/** A piece of the stream as it stands in the log. */
export interface LogChunk {
  readonly bytes: Uint8Array;
  /** Offset of its last byte. */
  readonly offset: number;
}

/** The bytes of `increment` from `from` up to `end`, both offsets of bytes that are in the file. */
export async function* readIncrement(
  path: string,
  increment: Increment,
  from: number,
  end: number,
): AsyncGenerator<LogChunk, void, void> {
  const handle = await orLogError(path, 'opening', () => open(path, 'r'));
  try {
    for (let at = from; at <= end; ) {
      const bytes = await readAt(handle, path, placeOf(increment, at), end + 1 - at);
      if (bytes.length === 0) {
        const message = `${path} ends before offset ${end}, which it held: it was cut`;
        throw new LogError('CORRUPT', path, message);
      }
      at += bytes.length;
      yield { bytes, offset: at - 1 };
    }
  } finally {
    await handle.close();
  }
}

async function readAt(
  handle: FileHandle,
  path: string,
  place: number,
  wanted: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(wanted, READ_SIZE));
  const read = () => handle.read(bytes, 0, bytes.length, place);
  const { bytesRead } = await orLogError(path, 'reading', read);
  return bytes.subarray(0, bytesRead);
}
