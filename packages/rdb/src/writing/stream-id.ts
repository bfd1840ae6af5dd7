import { RdbError } from '../format/errors.ts';

/** Milliseconds and a sequence number, of 64 bits each: numbers where they are exact as such. */
export interface StreamId {
  readonly ms: number | bigint;
  readonly sequence: number | bigint;
}

const MOST = 0xffff_ffff_ffff_ffffn;

/** Reads `<ms>-<sequence>`. @throws {RdbError} `INVALID_VALUE` */
export function streamIdOf(text: string): StreamId {
  const dash = text.indexOf('-');
  const [ms, sequence] = [partOf(text, 0, dash), partOf(text, dash + 1, text.length)];
  if (ms !== undefined && sequence !== undefined) return { ms, sequence };
  throw new RdbError('INVALID_VALUE', 0, `${JSON.stringify(text)} is not the id of a stream entry`);
}

/** How much later `id` is than `first`, in 64 bits that may wrap around. */
export function differenceOf(id: number | bigint, first: number | bigint): number | bigint {
  if (typeof id === 'number' && typeof first === 'number') return id - first;
  return BigInt.asIntN(64, BigInt(id) - BigInt(first));
}

function partOf(text: string, from: number, to: number): number | bigint | undefined {
  if (to <= from || to - from > 20) return undefined;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  if (to - from <= 15) return value;
  const exact = BigInt(text.slice(from, to));
  return exact <= MOST ? exact : undefined;
}
