import type { Redis } from 'ioredis';
import { type Abilities, abilitiesOf, type Flavour } from '../servers/installed.ts';

/** How many keys are asked about in one go. */
const BATCH = 500;

/** What kind of server answers. */
export interface Knows extends Abilities {
  readonly flavour: Flavour;
  readonly version: string;
}

export async function whatItKnows(client: Redis): Promise<Knows> {
  const info = String(await client.call('INFO', ['server']));
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const valkey = field('valkey_version');
  const redict = field('redict_version');
  const flavour: Flavour = valkey ? 'valkey' : redict ? 'redict' : 'redis';
  const version = valkey ?? redict ?? field('redis_version') ?? '0.0';
  return { flavour, version, ...abilitiesOf(flavour, version) };
}

/** The databases that have keys. */
export async function databasesOf(client: Redis): Promise<number[]> {
  const info = String(await client.call('INFO', ['keyspace']));
  return [...info.matchAll(/^db(\d+):/gm)].map((match) => Number(match[1]));
}

/** Every key of the selected database, sorted, one latin1 character a byte. */
export async function keysOf(client: Redis): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const reply = (await client.callBuffer('SCAN', [cursor, 'COUNT', '1000'])) as [
      Buffer,
      Buffer[],
    ];
    cursor = reply[0].toString();
    for (const key of reply[1]) keys.add(key.toString('latin1'));
  } while (cursor !== '0');
  return [...keys].sort();
}

/** The replies to one command for each key, in batches; an error reply is returned as its message. */
export async function askEach(
  client: Redis,
  keys: readonly string[],
  commandFor: (key: Buffer) => readonly [string, ...(string | Buffer)[]],
): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (let at = 0; at < keys.length; at += BATCH) {
    const asked = keys.slice(at, at + BATCH).map((key) => {
      const [name, ...words] = commandFor(Buffer.from(key, 'latin1'));
      return client.callBuffer(name, words).catch((error: Error) => error.message);
    });
    replies.push(...(await Promise.all(asked)));
  }
  return replies;
}

/** A reply in a form that compares and prints: bytes become text, one character a byte. */
export function plain(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (Array.isArray(reply)) return reply.map(plain);
  return reply;
}

/** A flat reply `name, value, name, value…` as a record. */
export function recordOf(reply: unknown): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  if (!Array.isArray(reply)) return record;
  for (let i = 0; i + 1 < reply.length; i += 2) record[String(reply[i])] = reply[i + 1];
  return record;
}
