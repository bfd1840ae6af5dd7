import { PsyncError } from '../errors.ts';

/** What a replica asks for with `PSYNC <id> <offset>`. */
export interface ResyncRequest {
  /** The history that it holds; begins with `?` where it holds none. */
  readonly id: string;
  /** Offset of the next byte that it wants, one past the last that it holds; -1 without a history. */
  readonly offset: number;
}

const LONGEST = '-9223372036854775808'.length;
const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;

/**
 * Reads the two arguments of PSYNC. Offsets past 2^53 - 1 come out as the nearest number: nothing that
 * far is held by anyone.
 *
 * @throws {PsyncError} `INVALID_ARGUMENT` where the offset is no 64-bit integer as servers write one: it
 *   is refused, and nothing is sent (6.2.7 and later: `replication.c: masterTryPartialResynchronization`)
 */
export function parseResyncRequest(id: string, offset: string): ResyncRequest {
  if (offset.length <= LONGEST && /^(?:0|-?[1-9]\d*)$/.test(offset)) {
    const exact = BigInt(offset);
    if (exact >= LOWEST && exact <= HIGHEST) return { id, offset: Number(offset) };
  }
  const what = JSON.stringify(offset.slice(0, LONGEST + 1));
  throw new PsyncError('INVALID_ARGUMENT', `${what} is not an offset that can be asked for`);
}
