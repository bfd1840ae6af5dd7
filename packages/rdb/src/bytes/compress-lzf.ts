/** What a reference can say: from three bytes on, at most 264, at most 8192 bytes back. */
const SHORTEST = 3;
const LONGEST = 264;
const FARTHEST = 8192;
const MOST_LITERALS = 32;

/** After so many literals (two to this power) every second place is looked at, then every third, to a bound. */
const PATIENCE = 5;
const MOST_PASSED = 7;

const HASH_BITS = 13;
const SHIFT = 32 - HASH_BITS;
/** Odd, and near to 2^32 over the golden ratio: spreads its products well (Knuth, 6.4). */
const FACTOR = 0x9e3779b1;

/**
 * Where three bytes were seen last, by their hash. It is never cleared, which would take longer than a short
 * string does: each call counts its places from where the last one ended, so that what is below is old.
 */
const seen = new Int32Array(1 << HASH_BITS);
let base = 1;

/**
 * Compresses as servers do it for strings in an RDB (LZF, `lzf_c.c: lzf_compress`): what `expandLzf` takes.
 * The same input gives the same output each time.
 *
 * @param most how long the outcome may be, in bytes; servers ask for four less than the input has
 * @returns undefined where it would be longer
 */
export function compressLzf(
  input: Uint8Array,
  most: number = input.length - 4,
): Uint8Array | undefined {
  if (most <= 0) return undefined;
  const output = new Uint8Array(most);
  const length = compressInto(input, output, most);
  return length === 0 ? undefined : output.subarray(0, length);
}

/** The same, into memory that is there. Returns how long it is; 0 where it would be longer than `most`. */
export function compressInto(input: Uint8Array, output: Uint8Array, most: number): number {
  if (base > 0x7fffffff - input.length) {
    seen.fill(0);
    base = 1;
  }
  const start = base;
  base += input.length;
  // Behind this, no three bytes are left.
  const last = input.length - SHORTEST;
  let literals = 0;
  let to = 0;
  let at = 0;
  while (at <= last) {
    const three = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16);
    const slot = Math.imul(three, FACTOR) >>> SHIFT;
    const from = seen[slot]! - start;
    seen[slot] = start + at;
    const isMatch =
      from >= 0 &&
      at - from <= FARTHEST &&
      input[from] === input[at] &&
      input[from + 1] === input[at + 1] &&
      input[from + 2] === input[at + 2];
    if (!isMatch) {
      // The longer nothing has repeated, the less closely it is looked at.
      at += 1 + Math.min((at - literals) >> PATIENCE, MOST_PASSED);
      continue;
    }
    const length = matchLength(input, from, at);
    // The longest reference, and what precedes it.
    to = putLiterals(input, literals, at, output, to, most - 3);
    if (to < 0) return 0;
    const back = at - from - 1;
    if (length < 9) output[to++] = ((length - 2) << 5) | (back >> 8);
    else {
      output[to++] = (7 << 5) | (back >> 8);
      output[to++] = length - 9;
    }
    output[to++] = back & 0xff;
    remember(input, at + 1, Math.min(at + length, last + 1), start);
    at += length;
    literals = at;
  }
  to = putLiterals(input, literals, input.length, output, to, most);
  return Math.max(to, 0);
}

function matchLength(input: Uint8Array, from: number, at: number): number {
  const most = Math.min(LONGEST, input.length - at);
  let length = SHORTEST;
  while (length < most && input[from + length] === input[at + length]) length++;
  return length;
}

/** The places within a match are met again; of a long one the first and last few will do. */
function remember(input: Uint8Array, from: number, to: number, start: number): void {
  for (let at = to - from > 16 ? to - 8 : from; at < to; at++) {
    const three = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16);
    seen[Math.imul(three, FACTOR) >>> SHIFT] = start + at;
  }
}

/** Returns where the next byte goes; -1 where that would be beyond `most`. */
function putLiterals(
  input: Uint8Array,
  from: number,
  end: number,
  output: Uint8Array,
  at: number,
  most: number,
): number {
  let to = at;
  if (to + (end - from) + Math.ceil((end - from) / MOST_LITERALS) > most) return -1;
  for (let start = from; start < end; ) {
    const count = Math.min(MOST_LITERALS, end - start);
    output[to++] = count - 1;
    for (const stop = start + count; start < stop; ) output[to++] = input[start++]!;
  }
  return to;
}
