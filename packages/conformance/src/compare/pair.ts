import type { Redis } from 'ioredis';
import { askEach } from './keyspace.ts';

/** The two servers of a comparison. */
export interface Pair {
  readonly a: Redis;
  readonly b: Redis;
  readonly names: readonly [string, string];
}

/** What both servers know. */
export interface Both {
  /** The same project and patch version: their digests can be compared. */
  readonly sameVersion: boolean;
  readonly since62: boolean;
  readonly functions: boolean;
  readonly absoluteTimes: boolean;
  readonly fieldTtl: boolean;
}

/** Keys that both have, of one database, with their types. */
export interface Shared {
  readonly database: number;
  readonly keys: readonly string[];
  readonly types: readonly string[];
}

/** The replies of both to one command for each key. */
export async function onBoth(
  { a, b }: Pair,
  keys: readonly string[],
  commandFor: (key: Buffer) => readonly [string, ...(string | Buffer)[]],
): Promise<[unknown[], unknown[]]> {
  const [one, other] = await Promise.all([a, b].map((client) => askEach(client, keys, commandFor)));
  return [one ?? [], other ?? []];
}

/** Where a difference is, as lines begin. */
export function place(database: number, key: string): string {
  return `db ${database} key ${JSON.stringify(key)}`;
}

/** A line: where, what, and what either side has. */
export function differs(database: number, key: string, what: string, values: string): string {
  return `${place(database, key)}: ${what} differs: ${values}`;
}

/** What either side has, by its name, in a length that can be read. */
export function told({ names }: Pair, a: unknown, b: unknown): string {
  const cut = (value: unknown): string => {
    const text = String(value);
    return text.length > 300 ? `${text.slice(0, 300)}…` : text;
  };
  return `${names[0]} ${cut(a)}, ${names[1]} ${cut(b)}`;
}
