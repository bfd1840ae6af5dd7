import { plain } from './keyspace.ts';
import { type Both, differs, onBoth, type Pair, place, type Shared, told } from './pair.ts';

/** Keys whose values differ; to be asked when the digests of the whole do. */
export async function differentValues(pair: Pair, part: Shared, both: Both): Promise<string[]> {
  const { database, keys, types } = part;
  const [a, b] = await onBoth(pair, keys, (key) => ['DEBUG', 'DIGEST-VALUE', key]);
  const lines: string[] = [];
  for (const [i, key] of keys.entries()) {
    if (String(plain(a[i])) === String(plain(b[i]))) continue;
    const type = types[i] ?? '';
    if (!both.sameVersion && (await sameContents(pair, key, type))) continue;
    lines.push(`${place(database, key)}: value differs (${type})`);
  }
  return lines;
}

/**
 * The digest of a sorted set is made of its scores as text, and that of a hash of its fields' times,
 * which versions write in different ways: between two versions the contents decide. (6.0 and 7.0 write scores with 17 digits, later ones the shortest form.)
 */
async function sameContents(pair: Pair, key: string, type: string): Promise<boolean> {
  if (type === 'zset') {
    const [a, b] = await onBoth(pair, [key], (name) => ['ZRANGE', name, '0', '-1', 'WITHSCORES']);
    return sameText(scored(a[0]), scored(b[0]));
  }
  if (type === 'hash') {
    const [a, b] = await onBoth(pair, [key], (name) => ['HGETALL', name]);
    return sameText(pairs(a[0]).sort(), pairs(b[0]).sort());
  }
  return false;
}

function scored(reply: unknown): string[] {
  return pairs(reply).map((text) => {
    const [member, score] = JSON.parse(text) as [string, string];
    return JSON.stringify([member, String(Number(score.replace('inf', 'Infinity')))]);
  });
}

function pairs(reply: unknown): string[] {
  const flat = plain(reply) as string[];
  return flat.flatMap((one, i) => (i % 2 === 0 ? [JSON.stringify([one, flat[i + 1]])] : []));
}

function sameText(a: readonly string[], b: readonly string[]): boolean {
  return a.join('\n') === b.join('\n');
}

/** Fields of hashes that expire at another time; to be asked of servers that know such times. */
export async function differentFieldTimes(pair: Pair, part: Shared): Promise<string[]> {
  const hashes = part.keys.filter((_, i) => part.types[i] === 'hash');
  const [fieldsA, fieldsB] = await onBoth(pair, hashes, (key) => ['HKEYS', key]);
  const lines: string[] = [];
  for (const [i, key] of hashes.entries()) {
    const others = new Set(shownBy(fieldsB[i]));
    const fields = shownBy(fieldsA[i]).filter((field) => others.has(field));
    if (fields.length === 0) continue;
    const asked = fields.map((field) => Buffer.from(field, 'latin1'));
    const [a, b] = await onBoth(pair, [key], (name) => {
      return ['HPEXPIRETIME', name, 'FIELDS', String(asked.length), ...asked];
    });
    for (const [j, field] of fields.entries()) {
      const [timeA, timeB] = [(a[0] as unknown[])[j], (b[0] as unknown[])[j]];
      if (String(timeA) === String(timeB)) continue;
      const what = `HPEXPIRETIME of field ${JSON.stringify(field)}`;
      lines.push(differs(part.database, key, what, told(pair, timeA, timeB)));
    }
  }
  return lines;
}

function shownBy(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map((field) => String(plain(field))).sort() : [];
}
