const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/**
 * Whether a key matches a pattern as servers match it in KEYS and SCAN (`util.c: stringmatchlen`):
 * `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, and `\` before a byte that is meant itself. Bytes, not characters.
 * Time grows with the product of the lengths at most.
 */
export function matchesGlob(pattern: Uint8Array, key: Uint8Array): boolean {
  let at = 0;
  let place = 0;
  /** Where to go on when what follows the last star does not fit: the star takes one byte more. */
  let afterStar = -1;
  let starPlace = 0;
  while (place < key.length) {
    if (pattern[at] === STAR) {
      afterStar = ++at;
      starPlace = place;
      if (at === pattern.length) return true;
      continue;
    }
    const next = at < pattern.length ? step(pattern, at, key[place]!) : -1;
    if (next >= 0) {
      at = next;
      place++;
    } else {
      if (afterStar < 0) return false;
      at = afterStar;
      place = ++starPlace;
    }
  }
  while (pattern[at] === STAR) at++;
  return at === pattern.length;
}

/** The place after what `byte` matches at `at` of the pattern; -1 where it does not. */
function step(pattern: Uint8Array, at: number, byte: number): number {
  switch (pattern[at]) {
    case QUESTION:
      return at + 1;
    case OPEN:
      return stepOfClass(pattern, at + 1, byte);
    case BACKSLASH:
      if (at + 1 < pattern.length) return pattern[at + 1] === byte ? at + 2 : -1;
      return byte === BACKSLASH ? at + 1 : -1;
    default:
      return pattern[at] === byte ? at + 1 : -1;
  }
}

/** A class that is not closed ends with the pattern, as on the servers. */
function stepOfClass(pattern: Uint8Array, start: number, byte: number): number {
  const negated = pattern[start] === CARET;
  let found = false;
  let at = negated ? start + 1 : start;
  for (; at < pattern.length && pattern[at] !== CLOSE; at++) {
    const left = pattern.length - at;
    if (pattern[at] === BACKSLASH && left >= 2) {
      at++;
      found ||= pattern[at] === byte;
    } else if (pattern[at + 1] === DASH && left >= 3) {
      const [a, b] = [pattern[at]!, pattern[at + 2]!];
      found ||= byte >= Math.min(a, b) && byte <= Math.max(a, b);
      at += 2;
    } else {
      found ||= pattern[at] === byte;
    }
  }
  if (found === negated) return -1;
  return Math.min(at + 1, pattern.length);
}
