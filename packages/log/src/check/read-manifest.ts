import { crc32 } from 'node:zlib';
import { hasLogFiles, noLogError } from '../directory/no-log.ts';
import { pathIn } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { readWhole } from '../disk/durable.ts';
import { LogError, orLogError } from '../errors.ts';
import { checksumLine } from '../manifest/format.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { MANIFEST_NAME } from '../manifest/manifest.ts';
import { parseManifest } from '../manifest/parse.ts';
import type { Finding } from './finding.ts';
import { fileNamed, isUnreadable, whatOf } from './finding.ts';
import { flippedBit } from './flipped-bit.ts';

/** A manifest as it was found. */
export interface FoundManifest {
  /** The file, a character a byte; empty where it could not be read. */
  readonly text: string;
  /** What it says; absent where that is not to be trusted. */
  readonly manifest?: Manifest;
  readonly findings: readonly Finding[];
  /** What it said before one byte of it was changed; absent where that is not known. */
  readonly mended?: Manifest;
}

/** Bytes of the last line. */
const CHECKSUM_LENGTH = 17;
/** Characters of that line that may be others, where it and not the text before it has been changed. */
const MOST_CHANGED = 2;

/**
 * Reads a manifest, whatever state it is in.
 *
 * @throws {LogError} `FOREIGN` where neither it nor any other file is one of a log; `IO`
 */
export async function findManifest(disk: Disk, directory: string): Promise<FoundManifest> {
  const found = await findAnyManifest(disk, directory);
  if (found.manifest !== undefined || found.mended !== undefined) return found;
  if (await hasLogFiles(disk, directory)) return found;
  throw await noLogError(disk, directory);
}

async function findAnyManifest(disk: Disk, directory: string): Promise<FoundManifest> {
  const path = pathIn(directory, MANIFEST_NAME);
  const finding = (place: number, what: string): Finding => ({
    severity: 'error',
    file: fileNamed(MANIFEST_NAME),
    place,
    what,
  });
  let text = '';
  try {
    text = await orLogError(path, 'reading', () => textOf(disk, path));
    return { text, manifest: parseManifest(text, path), findings: [] };
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    if (error.errno === 'ENOENT' || error.errno === 'ENOTDIR') {
      const what = 'is missing: put a copy of it back';
      return { text, findings: [finding(0, what)] };
    }
    if (error.code === 'IO' && !isUnreadable(error)) throw error;
    const damage = damageOf(text);
    if (damage === undefined) return { text, findings: [finding(0, whatOf(error))] };
    const mended = parsedOrNot(damage.mended, path);
    return {
      text,
      findings: [finding(damage.place, damage.what)],
      ...(mended === undefined ? {} : { mended }),
    };
  }
}

interface Damage {
  readonly place: number;
  readonly what: string;
  /** The text as it was. */
  readonly mended: string;
}

/** Which byte of a manifest was changed, by its checksum; undefined where it cannot tell. */
function damageOf(text: string): Damage | undefined {
  const end = text.length - CHECKSUM_LENGTH;
  if (end <= 0) return undefined;
  const [before, line] = [text.slice(0, end), text.slice(end)];
  const bytes = Buffer.from(before, 'latin1');
  const fitting = `${checksumLine(before)}\n`;
  const changed = [...fitting].flatMap((character, i) => (character === line[i] ? [] : [i]));
  const first = changed[0];
  if (first === undefined) return undefined;
  if (changed.length <= MOST_CHANGED) {
    const what = 'its checksum is not what was written';
    return { place: end + first, what, mended: before + fitting };
  }
  const expected = /^# crc32 ([0-9a-f]{8})\n$/.exec(line)?.[1];
  if (expected === undefined) return undefined;
  const flipped = flippedBit(crc32(bytes), Number.parseInt(expected, 16), bytes.length);
  if (flipped === undefined) return undefined;
  const { place, bit } = flipped;
  bytes[place]! ^= 1 << bit;
  const what = `bit ${bit} of this byte is not what was written`;
  return { place, what, mended: bytes.toString('latin1') + line };
}

function parsedOrNot(text: string, path: string): Manifest | undefined {
  try {
    return parseManifest(text, path);
  } catch (error) {
    if (error instanceof LogError) return undefined;
    throw error;
  }
}

async function textOf(disk: Disk, path: string): Promise<string> {
  return Buffer.from(await readWhole(disk, path)).toString('latin1');
}
