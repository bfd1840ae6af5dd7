import type { DiskFile } from '../disk/disk.ts';
import { orLogError } from '../errors.ts';

/** Bytes read at once. */
const PIECE = 256 * 1024;

/**
 * The bytes of a file from `from` up to, not including, `to`, or as far as it goes. A piece is valid
 * until the next is asked for.
 *
 * @throws {LogError} `IO`
 */
export async function* piecesOf(
  file: DiskFile,
  path: string,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(Math.max(0, Math.min(PIECE, to - from)));
  for (let at = from; at < to; ) {
    const into = buffer.subarray(0, to - at);
    const length = await orLogError(path, 'reading', () => file.read(into, at));
    if (length === 0) return;
    yield into.subarray(0, length);
    at += length;
  }
}
