import { describe, expect, it } from 'vitest';
import { Crc64 } from '../src/bytes/crc64.ts';

/** Larger than what is copied for WebAssembly in one go, and no multiple of a step. */
const BYTES = Uint8Array.from({ length: 250_007 }, (_, i) => (i * i + (i >> 7)) & 255);

function digestOf(pieceLength: number): Uint8Array {
  const crc = new Crc64();
  for (let at = 0; at < BYTES.length; at += pieceLength) {
    crc.push(BYTES.subarray(at, at + pieceLength));
  }
  return crc.digest();
}

describe('Crc64', () => {
  it('is the servers’ own (crc64.c: crc64Test)', () => {
    const crc = new Crc64();
    crc.push(new TextEncoder().encode('123456789'));
    expect(Buffer.from(crc.digest()).readBigUInt64LE()).toBe(0xe9c6d914c4b8d9can);
  });

  it.each([7, 1000, 1024, 1039, 98_288, 131_072, BYTES.length])(
    'is the same of pieces of %d bytes, which go through JavaScript, WebAssembly or both',
    (pieceLength) => {
      expect(digestOf(pieceLength)).toEqual(digestOf(1));
    },
  );
});
