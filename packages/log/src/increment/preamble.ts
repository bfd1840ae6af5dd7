import { encodeCommand } from '@forebay/resp';
import type { Increment } from '../manifest/manifest.ts';

/**
 * What a file of verbatim stream begins with. A server loads each file with a fresh client in
 * database 0 (`aof.c: loadSingleAppendOnlyFile`), so a file that starts in the middle of the stream
 * has to say where it goes on.
 */
export function preambleOf({ database }: Pick<Increment, 'database'>): Uint8Array {
  return encodeCommand(['SELECT', String(database)]);
}

/** The place in the file of the byte at `offset` of the stream. */
export function placeOf(increment: Increment, offset: number): number {
  return preambleLength(increment) + offset - increment.startOffset - 1;
}

/** The offset of the last byte of stream in a file of `size` bytes. */
export function endOffsetOf(increment: Increment, size: number): number {
  return increment.startOffset + size - preambleLength(increment);
}

/** Bytes of the file that holds the stream up to `offset`. */
export function sizeUpTo(increment: Increment, offset: number): number {
  return preambleLength(increment) + offset - increment.startOffset;
}

/** `*2 $6 SELECT $n N`: 21 bytes of framing and name, the digits, and the digits of their number. */
function preambleLength({ database }: Pick<Increment, 'database'>): number {
  const digits = String(database).length;
  return 21 + digits + String(digits).length;
}
