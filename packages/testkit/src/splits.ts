import { concatBytes } from './bytes.ts';
import type { Random } from './random.ts';

/** A way to cut one input into the pieces a socket might deliver it in. */
export interface Split {
  /** What the pieces are, for the name of a test. */
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

/**
 * Every way of cutting that has found a bug in an incremental reader: whole, byte by byte, and in
 * two at each position. Each piece is a copy of its own, so a reader that keeps a view is found out.
 */
export function* everySplit(bytes: Uint8Array): Generator<Split> {
  yield { name: 'whole', pieces: [bytes.slice()] };
  yield { name: 'byte by byte', pieces: Array.from(bytes, (byte) => Uint8Array.of(byte)) };
  for (let at = 1; at < bytes.length; at++) {
    yield { name: `split at ${at}`, pieces: [bytes.slice(0, at), bytes.slice(at)] };
  }
}

/** Cuts `bytes` into pieces of 1 to `longest` bytes. */
export function splitAtRandom(bytes: Uint8Array, random: Random, longest: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + random.integer(1, longest));
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

/** Joins what was cut, to say that nothing was lost. */
export function join(split: Split): Uint8Array {
  return concatBytes(split.pieces);
}
