/**
 * The integer that a string is, where its digits are just those that the integer is printed with; of up to
 * 15 digits, so that it is exact.
 */
export function integerOf(bytes: Uint8Array): number | undefined {
  const { length } = bytes;
  if (length === 0 || length > 16) return undefined;
  const isNegative = bytes[0] === 0x2d;
  const first = isNegative ? 1 : 0;
  const leading = bytes[first];
  if (leading === 0x30) return length === 1 ? 0 : undefined;
  if (leading === undefined || length - first > 15) return undefined;
  let value = 0;
  for (let i = first; i < length; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}
