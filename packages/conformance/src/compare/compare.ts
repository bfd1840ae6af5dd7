import type { Redis } from 'ioredis';
import { databasesOf, keysOf, plain, recordOf, whatItKnows } from './keyspace.ts';
import { type Both, differs, onBoth, type Pair, place, type Shared, told } from './pair.ts';
import { differentStreams } from './streams.ts';
import { differentFieldTimes, differentValues } from './values.ts';

export interface CompareOptions {
  /** What the two are called in the lines. Default: `first` and `second`. */
  readonly names?: readonly [string, string];
  /**
   * For how long, in milliseconds, the comparison is repeated while there are differences: keys that
   * expire are deleted by either side in its own time. Default 20,000; 0 compares once.
   */
  readonly withinMs?: number;
  /** At most so many differences are told; a last line says how many there are more. Default 50. */
  readonly atMost?: number;
}

/** Before 7.0 a time is read as what is left of it, so two readings differ by the time between them. */
const TTL_TOLERANCE = 1000;

/**
 * The differences between the data sets of two servers, a readable line each; none when they are
 * equal. Equal is more than `DEBUG DIGEST`, which is blind to times to live, consumer groups and
 * functions: the digest of all databases, the keys, the time each key expires at (where one of the
 * two is older than 7.0: the time left, within a second), `XINFO STREAM … FULL` of every stream, the
 * times of hash fields, and the functions.
 *
 * A key that is past its time may still be stored (a replica waits for the primary's DEL) and counts
 * in the digest, but no command shows it. So the keys are scanned before the digest is taken, which
 * makes a primary delete what has expired, and the whole is repeated for `withinMs`. Nothing else
 * may write meanwhile. The clients' own connections are left alone.
 *
 * Between two versions the digest of a key that holds a sorted set or a hash may differ although the
 * contents do not; there the contents are compared, and what only one of the two knows is left out.
 */
export async function compareDataSets(
  first: Redis,
  second: Redis,
  { names = ['first', 'second'], withinMs = 20_000, atMost = 50 }: CompareOptions = {},
): Promise<string[]> {
  const until = performance.now() + withinMs;
  const pair: Pair = { a: connectionLike(first), b: connectionLike(second), names };
  try {
    for (;;) {
      const lines = await compareOnce(pair);
      if (lines.length === 0) return [];
      if (performance.now() >= until) return shortened(lines, atMost);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    pair.a.disconnect();
    pair.b.disconnect();
  }
}

async function compareOnce(pair: Pair): Promise<string[]> {
  const { a, b } = pair;
  const [knowsA, knowsB] = await Promise.all([whatItKnows(a), whatItKnows(b)]);
  const both: Both = {
    sameVersion: knowsA.flavour === knowsB.flavour && knowsA.version === knowsB.version,
    since62: knowsA.since62 && knowsB.since62,
    functions: knowsA.functions && knowsB.functions,
    absoluteTimes: knowsA.absoluteTimes && knowsB.absoluteTimes,
    fieldTtl: knowsA.fieldTtl && knowsB.fieldTtl,
  };
  const lines: string[] = [];
  const shared: Shared[] = [];
  const databases = new Set([...(await databasesOf(a)), ...(await databasesOf(b))]);
  for (const database of [...databases].sort((x, y) => x - y)) {
    await select(pair, database);
    shared.push(await sharedKeys(pair, database, lines));
  }
  const [digestA, digestB] = await Promise.all([a, b].map((one) => one.call('DEBUG', ['DIGEST'])));
  for (const part of shared) {
    await select(pair, part.database);
    if (digestA !== digestB) lines.push(...(await differentValues(pair, part, both)));
    lines.push(...(await differentTimes(pair, part, both)));
    lines.push(...(await differentStreams(pair, part, both)));
    if (both.fieldTtl) lines.push(...(await differentFieldTimes(pair, part)));
  }
  if (both.functions) lines.push(...(await differentFunctions(pair)));
  if (both.sameVersion && digestA !== digestB && lines.length === 0) {
    lines.push(`DEBUG DIGEST differs: ${told(pair, digestA, digestB)}`);
  }
  return lines;
}

async function sharedKeys(pair: Pair, database: number, lines: string[]): Promise<Shared> {
  const [keysA, keysB] = await Promise.all([keysOf(pair.a), keysOf(pair.b)]);
  const [setA, setB] = [new Set(keysA), new Set(keysB)];
  for (const key of keysA) if (!setB.has(key)) lines.push(only(pair.names[0], database, key));
  for (const key of keysB) if (!setA.has(key)) lines.push(only(pair.names[1], database, key));
  const candidates = keysA.filter((key) => setB.has(key));
  const [typesA, typesB] = await onBoth(pair, candidates, (key) => ['TYPE', key]);
  const keys: string[] = [];
  const types: string[] = [];
  for (const [i, key] of candidates.entries()) {
    const [typeA, typeB] = [String(typesA[i]), String(typesB[i])];
    if (typeA !== typeB) lines.push(differs(database, key, 'type', told(pair, typeA, typeB)));
    // Gone in between: it expired on both, or it is reported as a key of one side next time.
    else if (typeA !== 'none') {
      keys.push(key);
      types.push(typeA);
    }
  }
  return { database, keys, types };
}

async function differentTimes(pair: Pair, part: Shared, both: Both): Promise<string[]> {
  const command = both.absoluteTimes ? 'PEXPIRETIME' : 'PTTL';
  const tolerance = both.absoluteTimes ? 0 : TTL_TOLERANCE;
  const [a, b] = await onBoth(pair, part.keys, (key) => [command, key]);
  return part.keys.flatMap((key, i) => {
    const [timeA, timeB] = [Number(a[i]), Number(b[i])];
    // -1 is no time, -2 is no key: those are never within a tolerance of a time.
    const near = timeA >= 0 && timeB >= 0 && Math.abs(timeA - timeB) <= tolerance;
    if (timeA === timeB || near) return [];
    return [differs(part.database, key, command, told(pair, timeA, timeB))];
  });
}

async function differentFunctions(pair: Pair): Promise<string[]> {
  const [a, b] = await Promise.all([librariesOf(pair.a), librariesOf(pair.b)]);
  return [...new Set([...a.keys(), ...b.keys()])].sort().flatMap((name) => {
    const [one, other] = [a.get(name), b.get(name)];
    if (one === other) return [];
    if (one === undefined) return [`function library ${name}: only in ${pair.names[1]}`];
    if (other === undefined) return [`function library ${name}: only in ${pair.names[0]}`];
    return [`function library ${name}: differs`];
  });
}

async function librariesOf(client: Redis): Promise<Map<string, string>> {
  const reply = plain(await client.callBuffer('FUNCTION', ['LIST', 'WITHCODE'])) as unknown[];
  return new Map(
    reply.map((library) => {
      const fields = recordOf(library);
      const functions = (fields.functions as unknown[]).map((one) => JSON.stringify(recordOf(one)));
      const text = JSON.stringify({ ...fields, functions: functions.sort() });
      return [String(fields.library_name), text];
    }),
  );
}

async function select({ a, b }: Pair, database: number): Promise<void> {
  await Promise.all([a.select(database), b.select(database)]);
}

function connectionLike(client: Redis): Redis {
  const own = client.duplicate({ lazyConnect: true, db: 0 });
  own.on('error', () => {});
  return own;
}

function only(name: string, database: number, key: string): string {
  return `${place(database, key)}: only in ${name}`;
}

function shortened(lines: string[], atMost: number): string[] {
  if (lines.length <= atMost) return lines;
  return [...lines.slice(0, atMost), `… and ${lines.length - atMost} more`];
}
