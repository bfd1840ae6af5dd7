/** An integer, as a client would see it. */
export function digitsOf(value: number | bigint): Uint8Array {
  const digits = String(value);
  const bytes = new Uint8Array(digits.length);
  for (let i = 0; i < digits.length; i++) bytes[i] = digits.charCodeAt(i);
  return bytes;
}
