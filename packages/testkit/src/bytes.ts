/** The bytes of a string whose characters are all below 256: one byte a character. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw new RangeError(`character ${i} of ${JSON.stringify(text)} is no byte`);
    bytes[i] = code;
  }
  return bytes;
}

/** The inverse of `bytesOf`: one character a byte. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** All parts as one new array. */
export function concatBytes(parts: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...parts]));
}
