import { RdbError } from '../errors.ts';

/** The elements of one that are kept side by side in a string of their own. */
export interface Container {
  /** The next element; undefined after the last. @throws {RdbError} `CORRUPT` */
  next(): Uint8Array | undefined;
}

/** What a container is found to contradict. `position`: where it begins in the RDB. */
export function corruptContainer(name: string, position: number, at: number): RdbError {
  const message = `the ${name} at byte ${position} contradicts itself, ${at} bytes from its beginning`;
  return new RdbError('CORRUPT', position, message);
}
