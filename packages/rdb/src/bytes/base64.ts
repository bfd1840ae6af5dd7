const DIGITS = new Uint8Array(64);
for (const [i, digit] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  DIGITS[i] = digit.charCodeAt(0);
}
const PADDING = 0x3d;

/** The length of `bytes` bytes in base64, with padding. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Writes `bytes` in base64 to `into`, which must have room, from `at` on; returns the end. */
export function writeBase64(bytes: Uint8Array, into: Uint8Array, at: number): number {
  const whole = bytes.length - (bytes.length % 3);
  let to = at;
  for (let i = 0; i < whole; i += 3) {
    const bits = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    into[to++] = DIGITS[bits >> 18]!;
    into[to++] = DIGITS[(bits >> 12) & 63]!;
    into[to++] = DIGITS[(bits >> 6) & 63]!;
    into[to++] = DIGITS[bits & 63]!;
  }
  if (whole === bytes.length) return to;
  const [first, second = 0] = bytes.subarray(whole);
  const bits = (first! << 16) | (second << 8);
  into[to++] = DIGITS[bits >> 18]!;
  into[to++] = DIGITS[(bits >> 12) & 63]!;
  into[to++] = bytes.length - whole === 2 ? DIGITS[(bits >> 6) & 63]! : PADDING;
  into[to++] = PADDING;
  return to;
}
