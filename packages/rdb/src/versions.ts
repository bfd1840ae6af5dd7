import type { RdbMagic } from './reading/events.ts';

/** The newest version of RDB that is known, by the word that the RDB begins with (`rdb.h`, RDB_VERSION). */
export const NEWEST_VERSION: Readonly<Record<RdbMagic, number>> = { REDIS: 14, VALKEY: 80 };
/** The first version that ends with a checksum. */
export const CHECKSUM_SINCE = 5;
