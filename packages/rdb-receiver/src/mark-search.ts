/** The length of the mark that ends a payload of unknown length (`CONFIG_RUN_ID_SIZE`). */
export const MARK_LENGTH = 40;

/** What one chunk says of the mark. */
export interface Scan {
  /** How many of the bytes held back before are payload after all: the first ones of the mark. */
  readonly released: number;
  /** The chunk is payload up to here, from where the scan began. */
  readonly until: number;
  /** Where the first byte past the mark is, or undefined: the mark is not complete. */
  readonly markEnd: number | undefined;
}

/**
 * Looks for the first occurrence of a mark in bytes that come in chunks, exactly: wherever the mark
 * is cut, and whichever false start of it comes before.
 *
 * What is held back between two chunks is the longest end of what was seen that begins the mark. Those
 * bytes equal the mark's own, so none is kept: their number is enough.
 */
export class MarkSearch {
  readonly #mark: Uint8Array;
  /** For each pair of bytes at the end of a window, how far the window can move on. */
  readonly #shifts: Uint8Array;
  /** How far it can when the pair is the mark's last one but the window is not the mark. */
  readonly #shiftAfterMismatch: number;
  /** For each length of a beginning of the mark, less one, that of its longest proper border. */
  readonly #borders: Uint8Array;
  /** How many bytes are held back. Invariant: 0 <= #held < MARK_LENGTH. */
  #held = 0;

  /** @param mark of MARK_LENGTH bytes, which must not change */
  constructor(mark: Uint8Array) {
    this.#mark = mark;
    this.#borders = bordersOf(mark);
    this.#shifts = new Uint8Array(PAIRS).fill(MARK_LENGTH - 1);
    const last = MARK_LENGTH - 1;
    for (let end = 1; end < last; end++) {
      this.#shifts[pairHash(mark[end - 1]!, mark[end]!)] = last - end;
    }
    const lastPair = pairHash(mark[last - 1]!, mark[last]!);
    this.#shiftAfterMismatch = this.#shifts[lastPair]!;
    this.#shifts[lastPair] = 0;
  }

  /** The first bytes of the mark, which is what held-back bytes are. */
  beginning(length: number): Uint8Array {
    return new Uint8Array(this.#mark.subarray(0, length));
  }

  /** Goes on with `chunk` from index `from` to its end. Not to be called again once the mark is found. */
  scan(chunk: Uint8Array, from: number): Scan {
    const held = this.#held;
    let matched = held;
    let seen = 0;
    // As long as the match begins in a former chunk, byte by byte: at most MARK_LENGTH steps.
    while (matched > seen && from + seen < chunk.length) {
      matched = this.#advance(matched, chunk[from + seen]!);
      seen++;
      if (matched === MARK_LENGTH) {
        return { released: held + seen - matched, until: from, markEnd: from + seen };
      }
    }
    if (matched > seen) {
      this.#held = matched;
      return { released: held + seen - matched, until: from, markEnd: undefined };
    }
    const found = this.#find(chunk, from + seen - matched);
    if (found !== undefined) return { released: held, until: found, markEnd: found + MARK_LENGTH };
    this.#held = this.#beginningAtEnd(chunk, from + seen - matched);
    return { released: held, until: chunk.length - this.#held, markEnd: undefined };
  }

  /** How much of the mark is matched when `byte` follows `matched` bytes of it (Knuth, Morris, Pratt). */
  #advance(matched: number, byte: number): number {
    let length = matched;
    while (length > 0 && this.#mark[length] !== byte) length = this.#borders[length - 1]!;
    return this.#mark[length] === byte ? length + 1 : length;
  }

  /**
   * Horspool's search over pairs of bytes: text of hex digits, in which every digit is one of the
   * mark's, is skipped nearly as fast as random bytes.
   */
  #find(chunk: Uint8Array, from: number): number | undefined {
    const shifts = this.#shifts;
    const length = chunk.length;
    for (let end = from + MARK_LENGTH - 1; end < length; ) {
      const shift = shifts[pairHash(chunk[end - 1]!, chunk[end]!)]!;
      if (shift > 0) {
        end += shift;
      } else {
        if (this.#isMark(chunk, end + 1 - MARK_LENGTH)) return end + 1 - MARK_LENGTH;
        end += this.#shiftAfterMismatch;
      }
    }
    return undefined;
  }

  #isMark(chunk: Uint8Array, at: number): boolean {
    for (let i = 0; i < MARK_LENGTH; i++) if (chunk[at + i] !== this.#mark[i]) return false;
    return true;
  }

  #beginningAtEnd(chunk: Uint8Array, from: number): number {
    let matched = 0;
    for (let at = Math.max(from, chunk.length - (MARK_LENGTH - 1)); at < chunk.length; at++) {
      matched = this.#advance(matched, chunk[at]!);
    }
    return matched;
  }
}

const PAIRS = 8192;

/** Below PAIRS. Pairs of hex digits of one case do not collide; what collides is only shifted less. */
function pairHash(first: number, second: number): number {
  return (first << 5) ^ second;
}

function bordersOf(mark: Uint8Array): Uint8Array {
  const borders = new Uint8Array(mark.length);
  for (let i = 1, length = 0; i < mark.length; i++) {
    while (length > 0 && mark[i] !== mark[length]) length = borders[length - 1]!;
    if (mark[i] === mark[length]) length++;
    borders[i] = length;
  }
  return borders;
}
