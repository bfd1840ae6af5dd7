import { bytesOfText } from './text.ts';

/** An integer, as a client would see it. */
export function digitsOf(value: number | bigint): Uint8Array {
  return bytesOfText(String(value));
}
