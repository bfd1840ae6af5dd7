import { crc32 } from 'node:zlib';
import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import type { Base } from '../manifest/manifest.ts';
import { checkBase, checkBaseEnd, statNamed } from '../recovery/base.ts';
import type { Finding } from './finding.ts';
import { fileNamed, isUnreadable, whatOf } from './finding.ts';
import { flippedBit } from './flipped-bit.ts';
import { piecesOf } from './pieces.ts';

/**
 * Whether a base is the file that was taken in: its size, its checksum, and that it begins and ends as
 * an RDB does. No more than one finding.
 *
 * @throws {LogError} `IO`
 */
export async function checkBaseFile(
  disk: Disk,
  path: string,
  base: Base,
  onRead: (bytes: number) => void,
): Promise<readonly Finding[]> {
  let place = 0;
  const finding = (at: number, what: string): Finding[] => [
    { severity: 'error', file: fileNamed(base.name), place: at, what },
  ];
  const count = (bytes: number) => {
    place += bytes;
    onRead(bytes);
  };
  try {
    const { size } = await statNamed(disk, path);
    if (size !== base.size) {
      const what = `has ${size} bytes, it had ${base.size} when it was taken in`;
      return finding(Math.min(size, base.size), what);
    }
    const found = await checksumOf(disk, path, size, count);
    if (found !== base.crc) {
      const flipped = flippedBit(found, base.crc, size);
      return flipped === undefined
        ? finding(0, `is not what was taken in: one or more of its ${size} bytes are others`)
        : finding(flipped.place, `bit ${flipped.bit} of this byte is not what was taken in`);
    }
    await checkBase(disk, path, base);
    await checkBaseEnd(disk, path, size);
    return [];
  } catch (error) {
    if (isUnreadable(error)) return finding(place, whatOf(error));
    if (error instanceof LogError && error.code === 'CORRUPT') return finding(0, whatOf(error));
    throw error;
  }
}

async function checksumOf(
  disk: Disk,
  path: string,
  size: number,
  onRead: (bytes: number) => void,
): Promise<number> {
  const file = await orLogError(path, 'opening', () => disk.open(path, 'read'));
  try {
    let crc = 0;
    for await (const bytes of piecesOf(file, path, 0, size)) {
      crc = crc32(bytes, crc);
      onRead(bytes.length);
    }
    return crc;
  } finally {
    await file.close();
  }
}
