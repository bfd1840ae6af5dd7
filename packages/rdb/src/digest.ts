export type { DigestSeed } from './digest/digest.ts';
export type { KeyDifference, KeyDigest } from './digest/digest-table.ts';
export { DigestTable, differencesOf } from './digest/digest-table.ts';
export type { DigestedKey, KeyDigestsOptions } from './digest/key-digests.ts';
export { KeyDigests, KeysNotFound } from './digest/key-digests.ts';
export { ValueDigest } from './digest/value-digest.ts';
