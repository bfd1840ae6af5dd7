import { matchesGlob } from '@forebay/resp';
import type { DataType, KeySelection } from '../format/events.ts';

/** From and to, both included; either may be infinite. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface KeySelectionOptions {
  /** In one of these databases. */
  readonly databases?: readonly number[] | undefined;
  /** Of one of these types. */
  readonly types?: readonly DataType[] | undefined;
  /** Matching one of these patterns, as of KEYS and SCAN. */
  readonly patterns?: readonly Uint8Array[] | undefined;
  /**
   * Without a time to live, or with one in this range of milliseconds, counted from `now`; an expired key
   * has 0.
   */
  readonly ttl?: 'none' | Range | undefined;
  /** Milliseconds since 1970; required with a range of `ttl`. */
  readonly now?: number;
}

/** Selects the keys that meet all given conditions. */
export function keySelection({
  databases,
  types,
  patterns,
  ttl,
  now = 0,
}: KeySelectionOptions): KeySelection {
  const inDatabases = databases && new Set(databases);
  const ofTypes = types && new Set(types);
  return ({ database, dataType, key, expiresAt }) =>
    (inDatabases?.has(database) ?? true) &&
    (ofTypes?.has(dataType) ?? true) &&
    (patterns?.some((pattern) => matchesGlob(pattern, key)) ?? true) &&
    (ttl === undefined || isInTime(expiresAt, ttl, now));
}

function isInTime(expiresAt: number | undefined, ttl: 'none' | Range, now: number): boolean {
  if (ttl === 'none') return expiresAt === undefined;
  if (expiresAt === undefined) return false;
  const left = Math.max(0, expiresAt - now);
  return left >= ttl.from && left <= ttl.to;
}
