/**
 * Reads pieces of a file one behind the other: the next one while the one before is worked on. The
 * bytes are valid until the next are asked for; the memory used is twice the longest piece.
 */
export async function* readAhead<Piece extends { readonly length: number }>(
  pieces: Iterable<Piece> | AsyncIterable<Piece>,
  read: (piece: Piece, into: Uint8Array) => Promise<Uint8Array>,
): AsyncGenerator<readonly [Piece, Uint8Array], void, void> {
  let [buffer, other]: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  let reading: Promise<readonly [Piece, Uint8Array]> | undefined;
  let before: typeof reading;
  try {
    for await (const piece of pieces) {
      [buffer, other] = [other, buffer];
      if (buffer.length < piece.length) buffer = Buffer.allocUnsafeSlow(piece.length);
      before = reading;
      reading = read(piece, buffer.subarray(0, piece.length)).then((bytes) => [piece, bytes]);
      // Told where it is awaited.
      reading.catch(() => {});
      if (before !== undefined) yield await before;
    }
    if (reading !== undefined) yield await reading;
  } finally {
    // What reads into a file that is being closed would fail, and nobody would hear of it.
    await reading?.catch(() => {});
  }
}
