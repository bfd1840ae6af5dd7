import { RdbError, RdbPreambleReader } from '@forebay/rdb';
import type { DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';

/** The server that made a base, as far as the base says. */
export interface Origin {
  /** Redict calls itself Redis here. */
  readonly flavour: 'redis' | 'valkey';
  /** `7.0.15`, say; undefined where the base does not tell. */
  readonly version: string | undefined;
  /** Of the RDB. */
  readonly rdbVersion: number;
}

/** Bytes read at once. The version is the first aux field. */
const AT_ONCE = 4096;
/** The version of Redis 7.0's RDBs. */
const FIRST_WITH_ABSOLUTE_TIMES = 10;

/** @throws {LogError} `CORRUPT` where the file does not begin as an RDB; `IO` */
export async function originOf(file: DiskFile, path: string): Promise<Origin> {
  const reader = new RdbPreambleReader();
  const found = { flavour: 'redis', version: undefined, rdbVersion: 0 } as const;
  let origin: Origin = found;
  try {
    for (let place = 0; !reader.done; place += AT_ONCE) {
      const bytes = new Uint8Array(AT_ONCE);
      const length = await orLogError(path, 'reading', () => file.read(bytes, place));
      reader.push(bytes.subarray(0, length));
      for (let event = reader.next(); event !== undefined; event = reader.next()) {
        if (event.type === 'header') origin = { ...origin, rdbVersion: event.version };
        if (event.type !== 'aux') continue;
        const flavour = flavourOf(event.key);
        if (flavour !== undefined) return { ...origin, flavour, version: event.value };
      }
      if (length < AT_ONCE) break;
    }
    return origin;
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    const message = `${path} does not begin as an RDB file: ${error.message}`;
    throw new LogError('CORRUPT', path, message, error);
  }
}

/**
 * Whether the stream after such a base has times to live as they were typed: that of Redis before
 * 7.0. Valkey went on from 7.2.
 */
export function hasRelativeTimes({ flavour, version, rdbVersion }: Origin): boolean {
  if (flavour === 'valkey') return false;
  const major = Number(version?.split('.')[0]);
  return Number.isInteger(major) ? major < 7 : rdbVersion < FIRST_WITH_ABSOLUTE_TIMES;
}

/** The aux fields of `rdb.c: rdbSaveInfoAuxFields`. */
function flavourOf(key: string): Origin['flavour'] | undefined {
  switch (key) {
    case 'redis-ver':
      return 'redis';
    case 'valkey-ver':
      return 'valkey';
    default:
      return undefined;
  }
}
