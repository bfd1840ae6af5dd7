import { RdbError, RdbPreambleReader } from '@forebay/rdb';
import { statNamed } from '../directory/stat-named.ts';
import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import type { Base } from '../manifest/manifest.ts';

/** Enough of a base to see whether it is one: magic, version, and the first aux fields. */
const HEAD = 4096;
/** The end of a payload: the opcode 0xFF, and from version 5 on a checksum of 8 bytes. */
const END_OPCODE = 0xff;
const CHECKSUM = 8;
const FIRST_CHECKED_VERSION = 5;

/**
 * Whether a base that is named is there, as long as it was, and begins as an RDB does.
 *
 * @throws {LogError} `CORRUPT`, `IO`
 */
export async function checkBase(disk: Disk, path: string, { size }: Base): Promise<void> {
  const found = await statNamed(disk, path);
  if (found.size !== size) {
    const message = `${path} has ${found.size} bytes, it had ${size} when it was taken in`;
    throw new LogError('CORRUPT', path, message);
  }
  await versionOf(disk, path);
}

/**
 * Whether a payload ends as an RDB does: framing alone may take half a one for whole.
 *
 * @throws {LogError} `CORRUPT`, `IO`
 */
export async function checkBaseEnd(disk: Disk, path: string, size: number): Promise<void> {
  const version = await versionOf(disk, path);
  const tail = version < FIRST_CHECKED_VERSION ? 1 : 1 + CHECKSUM;
  const [opcode] = await partOf(disk, path, size - tail, 1);
  if (opcode === END_OPCODE) return;
  throw new LogError('CORRUPT', path, `${path} does not end as an RDB file does`);
}

async function versionOf(disk: Disk, path: string): Promise<number> {
  const reader = new RdbPreambleReader();
  try {
    reader.push(await partOf(disk, path, 0, HEAD));
    const event = reader.next();
    if (event?.type === 'header') return event.version;
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
  }
  throw new LogError('CORRUPT', path, `${path} is not an RDB file`);
}

async function partOf(
  disk: Disk,
  path: string,
  place: number,
  length: number,
): Promise<Uint8Array> {
  return orLogError(path, 'reading', async () => {
    const file = await disk.open(path, 'read');
    try {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, await file.read(bytes, Math.max(0, place)));
    } finally {
      await file.close();
    }
  });
}
