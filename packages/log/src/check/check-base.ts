import { crc32 } from 'node:zlib';
import type { RdbFinding, RdbVerdict } from '@forebay/rdb';
import { RdbVerifier } from '@forebay/rdb';
import { statNamed } from '../directory/stat-named.ts';
import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import type { Base } from '../manifest/manifest.ts';
import type { Finding } from './finding.ts';
import { fileNamed, isUnreadable, whatOf } from './finding.ts';
import type { Flip } from './flipped-bit.ts';
import { flippedBit, LONGEST } from './flipped-bit.ts';
import { piecesOf } from './pieces.ts';

/** What has become of a base. */
export interface BaseState {
  readonly findings: readonly Finding[];
  /** The bit by whose correction the CRC of the manifest matches; absent where there is none, or nothing is wrong. */
  readonly flip?: Flip;
  /** Whether the snapshot's own checksum, a CRC-64, matches. */
  readonly isProven: boolean;
}

/**
 * Verifies a base by its size and checksum, and the snapshot in it: a
 * snapshot that no server loads is an error, a damaged value in it or what cannot be read here a warning.
 *
 * @throws {LogError} `IO`
 */
export async function checkBaseFile(
  disk: Disk,
  path: string,
  base: Base,
  onRead: (bytes: number) => void,
): Promise<BaseState> {
  let place = 0;
  const finding = (at: number, what: string): BaseState => ({
    findings: [{ severity: 'error', file: fileNamed(base.name), place: at, what }],
    isProven: false,
  });
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
    const { crc, verdict } = await verify(disk, path, size, count);
    if (crc !== base.crc) {
      const flipped = flippedBit(crc, base.crc, size);
      if (flipped === undefined) return finding(0, changed(size));
      const what = `bit ${flipped.bit} of this byte is flipped`;
      return { ...finding(flipped.place, what), flip: { ...flipped, from: 0, to: size } };
    }
    const findings = verdict.findings.map((found) => findingOf(base, found, verdict));
    return { findings, isProven: verdict.checksum === 'right' };
  } catch (error) {
    if (isUnreadable(error)) return finding(place, whatOf(error));
    if (error instanceof LogError && error.code === 'CORRUPT') return finding(0, whatOf(error));
    throw error;
  }
}

function changed(size: number): string {
  const found = `is not what was taken in: one or more of its ${size} bytes have changed`;
  if (size <= LONGEST) return found;
  return `${found}; a single flipped bit is located in the last ${LONGEST} bytes only`;
}

function findingOf(base: Base, found: RdbFinding, { outcome }: RdbVerdict): Finding {
  const { kind, position, message } = found;
  const proof = outcome === 'unproven' ? ' (the snapshot has no checksum)' : '';
  return {
    severity: kind === 'damage' ? 'error' : 'warning',
    file: fileNamed(base.name),
    place: position,
    what: `${message}${proof}`,
  };
}

async function verify(
  disk: Disk,
  path: string,
  size: number,
  onRead: (bytes: number) => void,
): Promise<{ readonly crc: number; readonly verdict: RdbVerdict }> {
  const file = await orLogError(path, 'opening', () => disk.open(path, 'read'));
  const verifier = new RdbVerifier();
  try {
    let crc = 0;
    for await (const bytes of piecesOf(file, path, 0, size)) {
      crc = crc32(bytes, crc);
      verifier.push(bytes);
      onRead(bytes.length);
    }
    return { crc, verdict: verifier.finish() };
  } finally {
    await file.close();
  }
}
