import { plain, recordOf } from './keyspace.ts';
import { type Both, differs, onBoth, type Pair, type Shared, told } from './pair.ts';

/** What is ignored of XINFO STREAM … FULL: what a real replica differs in, and the tree's own shape. */
const IGNORED = new Set([
  ...['seen-time', 'active-time', 'inactive', 'idle', 'entries-read', 'lag'],
  ...['radix-tree-keys', 'radix-tree-nodes'],
]);
/** Fields of `XINFO STREAM … FULL` that differ, but for what is ignored. */
export async function differentStreams(pair: Pair, part: Shared, both: Both): Promise<string[]> {
  const streams = part.keys.filter((_, i) => part.types[i] === 'stream');
  const [a, b] = await onBoth(pair, streams, (key) => [
    'XINFO',
    'STREAM',
    key,
    'FULL',
    'COUNT',
    '0',
  ]);
  const lines: string[] = [];
  for (const [i, key] of streams.entries()) {
    const [whole, other] = [streamOf(a[i], both), streamOf(b[i], both)];
    for (const field of Object.keys(whole)) {
      // A field that only the newer of two versions tells cannot be compared.
      if (!(field in other)) continue;
      const [textA, textB] = [JSON.stringify(whole[field]), JSON.stringify(other[field])];
      if (textA === textB) continue;
      lines.push(differs(part.database, key, `stream's ${field}`, told(pair, textA, textB)));
    }
  }
  return lines;
}

/** XINFO STREAM … FULL without what is ignored; groups and their consumers by name. */
function streamOf(reply: unknown, both: Both): Record<string, unknown> {
  const clean = (value: unknown): Record<string, unknown> =>
    Object.fromEntries(Object.entries(recordOf(value)).filter(([field]) => !IGNORED.has(field)));
  const byName = (value: unknown): Record<string, unknown>[] => {
    const list = Array.isArray(value) ? value.map(clean) : [];
    return list.sort((x, y) => (String(x.name) < String(y.name) ? -1 : 1));
  };
  const stream = clean(plain(reply));
  if (!Array.isArray(stream.groups)) return stream;
  const groups = byName(stream.groups);
  for (const group of groups) {
    // Before 6.2 nothing replicates a consumer that has been given no entry.
    group.consumers = byName(group.consumers).filter(
      (one) => both.since62 || one['pel-count'] !== 0,
    );
  }
  return { ...stream, groups };
}
