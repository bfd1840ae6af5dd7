import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Boundary } from '@forebay/psync';
import type { Disk } from '../disk/disk.ts';
import { orLogError } from '../errors.ts';

/** Bytes of a record; an index is nothing but records, one behind the other. */
export const RECORD_SIZE = 64;

/**
 * What is known of a span of the stream: the bytes from the record before up to `end`. The first
 * record of an index has no span; it stands at its increment's start.
 */
export interface IndexRecord {
  /** Offset of the span's last byte. */
  readonly end: number;
  /** The last place at or before `end` where the stream may be cut. */
  readonly boundary: Boundary;
  /** When its last bytes arrived, by the wall clock: milliseconds since 1970. */
  readonly time: number;
  /** CRC-32 of the span's bytes. */
  readonly crc: number;
  /** The run of the machine that wrote it, by `writerOf`. */
  readonly boot: string;
  /**
   * The increment that it was written for, by `writerOf`: a copy of that is another file. Undefined in a record
   * of a version that noted no file.
   */
  readonly file: string | undefined;
  /** The offset up to which everything was synced when the record was written. */
  readonly synced: number;
}

const MAGIC = 0x3158_4246; // "FBX1"
const CHECKED = RECORD_SIZE - 4;

/**
 * A record as it stands in the file, in little-endian order: end, boundary, synced, time (64 bits
 * each), run of the machine and file (8 bytes each), database of the boundary, CRC of the span, magic, CRC
 * of the record (32 bits each). Where no file was noted, the run of the machine has 16 bytes.
 */
export function encodeRecord(record: IndexRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(record.end), true);
  view.setBigUint64(8, BigInt(record.boundary.offset), true);
  view.setBigUint64(16, BigInt(record.synced), true);
  view.setBigUint64(24, BigInt(Math.max(0, Math.floor(record.time))), true);
  bytes.set(Buffer.from(record.boot + (record.file ?? ''), 'hex'), 32);
  view.setUint32(48, record.boundary.database, true);
  view.setUint32(52, record.crc, true);
  view.setUint32(56, MAGIC, true);
  view.setUint32(CHECKED, crc32(bytes.subarray(0, CHECKED)), true);
  return bytes;
}

/** The inverse; undefined where the bytes are no record, or are not what was written. */
export function decodeRecord(bytes: Uint8Array): IndexRecord | undefined {
  if (bytes.length !== RECORD_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, RECORD_SIZE);
  if (view.getUint32(56, true) !== MAGIC) return undefined;
  if (view.getUint32(CHECKED, true) !== crc32(bytes.subarray(0, CHECKED))) return undefined;
  const writer = Buffer.from(bytes.subarray(32, 48)).toString('hex');
  const notesFile = writer.endsWith(FILE_NOTED);
  return {
    end: Number(view.getBigUint64(0, true)),
    boundary: {
      offset: Number(view.getBigUint64(8, true)),
      database: view.getUint32(48, true),
    },
    synced: Number(view.getBigUint64(16, true)),
    time: Number(view.getBigUint64(24, true)),
    boot: notesFile ? writer.slice(0, 16) : writer,
    file: notesFile ? writer.slice(16) : undefined,
    crc: view.getUint32(52, true),
  };
}

/**
 * The end of each file name. A record of an earlier version, which names no file, has a part of the boot here: it
 * has this end with a probability of 1 in 65,536.
 */
const FILE_NOTED = '0000';

/** The writer of a record: boot and device, and file. 16 hex digits each. */
export interface RecordWriter {
  readonly boot: string;
  readonly file: string;
}

/** The writer for new records of the increment at `path`. */
export async function writerOf(disk: Disk, path: string): Promise<RecordWriter> {
  const { identity, device } = await orLogError(path, 'reading', () => disk.stat(path));
  // The same inode on another device belongs to a snapshot of the file system.
  const boot = shortHash(`${disk.bootId} ${device}`, 16);
  return { boot, file: shortHash(identity, 16 - FILE_NOTED.length) + FILE_NOTED };
}

/** Whether a record was written for another file than the one that it stands beside: the other is a copy. */
export function isOfAnotherFile({ file }: IndexRecord, found: RecordWriter): boolean {
  return file !== undefined && file !== found.file;
}

/** Whether a record was written in this run of the machine. */
export function isOfThisRun(disk: Disk, { boot, file }: IndexRecord, found: RecordWriter): boolean {
  return boot === (file === undefined ? shortHash(disk.bootId, 32) : found.boot);
}

function shortHash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
