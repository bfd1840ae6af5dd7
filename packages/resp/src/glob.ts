/** More stars than this are taken for an attempt to keep us busy (`util.c: stringmatchlen_impl`). */
const MOST_NESTING = 1000;

const [STAR, ANY, OPEN, CLOSE, CARET, DASH, ESCAPE] = [42, 63, 91, 93, 94, 45, 92] as const;

/**
 * Whether bytes match a pattern as KEYS, SCAN, PSUBSCRIBE and ACL have it (`util.c: stringmatchlen`): `*`,
 * `?`, `[abc]`, `[^a-z]`, and `\` before what stands for itself. Bytes are compared, not characters: a `?`
 * is a byte, and `é` in UTF-8 two of them. Nothing but `*` and an empty pattern matches what is empty.
 */
export function matchesGlob(pattern: Uint8Array, text: Uint8Array): boolean {
  if (pattern.length === 1 && pattern[0] === STAR) return true;
  return new Match(pattern, text).from(0, 0, 0);
}

class Match {
  readonly #pattern: Uint8Array;
  readonly #text: Uint8Array;
  /** A star further on has found nothing: one before it would find nothing either, however long it is. */
  #hopeless = false;

  constructor(pattern: Uint8Array, text: Uint8Array) {
    this.#pattern = pattern;
    this.#text = text;
  }

  from(p: number, t: number, nesting: number): boolean {
    const [pattern, text] = [this.#pattern, this.#text];
    if (nesting > MOST_NESTING) return false;
    while (p < pattern.length && t < text.length) {
      const wanted = pattern[p]!;
      if (wanted === STAR) return this.#star(p, t, nesting);
      if (wanted === OPEN) {
        const { found, end } = this.#oneOf(p + 1, text[t]!);
        if (!found) return false;
        p = end;
      } else if (wanted !== ANY) {
        if (wanted === ESCAPE && p + 1 < pattern.length) p++;
        if (pattern[p] !== text[t]) return false;
      }
      t++;
      p++;
      if (t === text.length) while (pattern[p] === STAR) p++;
    }
    return p >= pattern.length && t === text.length;
  }

  #star(p: number, t: number, nesting: number): boolean {
    while (this.#pattern[p + 1] === STAR) p++;
    if (p + 1 === this.#pattern.length) return true;
    for (let at = t; at < this.#text.length; at++) {
      if (this.from(p + 1, at, nesting + 1)) return true;
      if (this.#hopeless) return false;
    }
    this.#hopeless = true;
    return false;
  }

  /** Whether a byte is in the brackets that have opened before `p`, and where they end. */
  #oneOf(p: number, byte: number): { found: boolean; end: number } {
    const pattern = this.#pattern;
    const isNot = pattern[p] === CARET;
    if (isNot) p++;
    let found = false;
    for (; p < pattern.length && pattern[p] !== CLOSE; p++) {
      if (pattern[p] === ESCAPE && p + 1 < pattern.length) {
        p++;
        if (pattern[p] === byte) found = true;
      } else if (pattern[p + 1] === DASH && p + 2 < pattern.length) {
        const [from, to, at] = [signed(pattern[p]!), signed(pattern[p + 2]!), signed(byte)];
        p += 2;
        if (at >= Math.min(from, to) && at <= Math.max(from, to)) found = true;
      } else if (pattern[p] === byte) found = true;
    }
    // Brackets that are not closed end with the pattern.
    return { found: found !== isNot, end: Math.min(p, pattern.length - 1) };
  }
}

/** In ranges bytes have a sign, as `char` has on the machines that servers run on (but not on ARM). */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}
