/** Whether bytes are UTF-8: no surrogate, no character in more bytes than it needs, none above U+10FFFF. */
export function isUtf8(bytes: Uint8Array): boolean {
  const { length } = bytes;
  let at = 0;
  while (at < length) {
    // Most text is ASCII: four bytes at a time.
    while (
      at + 4 <= length &&
      ((bytes[at]! | bytes[at + 1]! | bytes[at + 2]! | bytes[at + 3]!) & 0x80) === 0
    ) {
      at += 4;
    }
    if (at === length) return true;
    const first = bytes[at++]!;
    if (first < 0x80) continue;
    const more = following(first);
    if (more === 0 || at + more > length || !isSecond(first, bytes[at]!)) return false;
    for (const end = at + more; at < end; at++) if ((bytes[at]! & 0xc0) !== 0x80) return false;
  }
  return true;
}

/** Number of bytes after the first byte of a character; 0: no character begins with this byte. */
function following(first: number): number {
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 1;
  return first < 0xf0 ? 2 : 3;
}

/** Some first bytes restrict the second byte (The Unicode Standard, table 3-7). */
function isSecond(first: number, second: number): boolean {
  switch (first) {
    case 0xe0:
      return second >= 0xa0;
    case 0xed:
      return second < 0xa0;
    case 0xf0:
      return second >= 0x90;
    case 0xf4:
      return second < 0x90;
    default:
      return true;
  }
}
