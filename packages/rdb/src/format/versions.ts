import type { RdbMagic } from './events.ts';

/** The newest version of RDB that is known, by the word that the RDB begins with (`rdb.h`, RDB_VERSION). */
export const NEWEST_VERSION: Readonly<Record<RdbMagic, number>> = { REDIS: 14, VALKEY: 80 };
/** The first version that ends with a checksum. */
export const CHECKSUM_SINCE = 5;
/** From this version on the numbers of types are Valkey's, as the magic of a file would say. */
const VALKEY_SINCE = 80;

/** The magic of an RDB of this version, for a payload of `DUMP`, which has only a version. */
export function magicOf(version: number): RdbMagic {
  return version < VALKEY_SINCE ? 'REDIS' : 'VALKEY';
}

/** The first nine characters of an RDB: the magic, and the version in four digits, or three after the longer magic. */
export function headerText({ magic, version }: { magic: RdbMagic; version: number }): string {
  return magic + String(version).padStart(9 - magic.length, '0');
}
