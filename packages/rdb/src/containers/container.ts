import { RdbError } from '../format/errors.ts';

/** The elements of one that are kept side by side in a string of their own. */
export interface Container {
  /** The next element; undefined after the last. @throws {RdbError} `CORRUPT` */
  next(): Uint8Array | undefined;
  /** Passes over the next element, and tells whether there was one. @throws {RdbError} `CORRUPT` */
  pass(): boolean;
  /** The element that was passed over last, where it is kept as a string; undefined where it is an integer. */
  readonly string: Uint8Array | undefined;
}

/** Four bytes, little-endian, without a sign. */
export function u32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** What a container is found to contradict. `position`: where it begins in the RDB. */
export function corruptContainer(name: string, position: number, at: number): RdbError {
  const message = `the ${name} at byte ${position} contradicts itself, ${at} bytes from its beginning`;
  return new RdbError('CORRUPT', position, message);
}
