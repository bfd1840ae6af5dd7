import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { ReceiveBuffer } from '../src/receive-buffer.ts';

describe('a receive buffer', () => {
  it('puts reads side by side, and never where one was before a release', () => {
    const random = randomFrom(runSeed());
    const buffer = new ReceiveBuffer();
    const reads: { bytes: Uint8Array; value: number }[] = [];
    for (let value = 0; value < 200; value++) {
      const length = random.integer(1, 20_000);
      buffer.room().fill(value, 0, length);
      reads.push({ bytes: buffer.took(length), value });
    }
    let neighbours = 0;
    for (const [i, { bytes, value }] of reads.entries()) {
      expect(
        bytes.every((byte) => byte === value),
        `seed ${random.seed}, read ${i}`,
      ).toBe(true);
      const next = reads[i + 1]?.bytes;
      if (next?.buffer !== bytes.buffer) continue;
      expect(next.byteOffset).toBe(bytes.byteOffset + bytes.length);
      neighbours++;
    }
    expect(neighbours).toBeGreaterThan(150);
  });

  it('has room for a read of 32 KiB at any time', () => {
    const buffer = new ReceiveBuffer();
    for (let i = 0; i < 1000; i++) {
      expect(buffer.room().length).toBeGreaterThanOrEqual(32 * 1024);
      buffer.took(777);
    }
  });

  it('uses its memory anew after a release, and never what is read but not released', () => {
    const random = randomFrom(runSeed());
    const buffer = new ReceiveBuffer();
    const memory = new Set<ArrayBufferLike>();
    let live: { bytes: Uint8Array; value: number }[] = [];
    let place = buffer.room();
    for (let read = 0; read < 2000; read++) {
      // As a socket does: the place of a read is settled at the end of the one before, and what
      // releases may come in between.
      if (random.float() < 0.5) {
        buffer.release();
        live = [];
      }
      const length = random.integer(1, 10_000);
      place.fill(read, 0, length);
      live.push({ bytes: buffer.took(length), value: read % 256 });
      memory.add(place.buffer);
      place = buffer.room();
      for (const { bytes, value } of live) {
        const found = bytes.find((byte) => byte !== value);
        expect(found, `seed ${random.seed}, read ${read}`).toBeUndefined();
      }
    }
    expect(memory.size).toBeLessThan(10);
  });
});
