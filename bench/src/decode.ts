import type { Decode } from './decoders.ts';
import { cursorWithArguments, cursorWithoutArguments, PEERS } from './decoders.ts';
import { interleave, median, medianRatio, rateOf } from './interleave.ts';
import type { Report } from './report.ts';
import { encodeSets } from './sets.ts';
import type { Size } from './size.ts';

/** What a socket gives at once, at most, in Node. */
const CHUNK = 64 * 1024;
/** What was just read lies in the processor's cache, and so does this. */
const STREAM = 512 * 1024;
const VALUES = { '8 B': 8, '64 B': 64, '1 KiB': 1024, '16 KiB': 16_384 } as const;

const NONE = 'no argument';
const ALL = 'every argument';
const GOALS = { [NONE]: 5, [ALL]: 1.3 } as const;

/** Commands a second out of a stream of `SET`s, beside the decoders of the clients. */
export async function benchDecode(report: Report, { quick }: Size): Promise<void> {
  for (const [size, valueLength] of Object.entries(VALUES)) {
    report.progress(`decode: values of ${size}`);
    const stream = encodeSets(STREAM, valueLength);
    const contenders = {
      [NONE]: overStream(stream, cursorWithoutArguments()),
      [ALL]: overStream(stream, cursorWithArguments()),
      'redis-parser': overStream(stream, PEERS['redis-parser']()),
      '@redis/client': overStream(stream, PEERS['@redis/client']()),
      ioredis: overStream(stream, PEERS.ioredis()),
    };
    const names = Object.keys(contenders) as (keyof typeof contenders)[];
    const rounds = { rounds: quick ? 5 : 15, warmUps: 2 };
    const samples = await interleave(names, rounds, (name) => {
      return rateOf(contenders[name], quick ? 50 : 150) / 1e6;
    });
    const rates = Object.fromEntries(names.map((name) => [name, median(samples.get(name)!)]));
    const peers = Object.keys(PEERS) as (keyof typeof PEERS)[];
    const fastest = peers.reduce((best, name) => (rates[name]! > rates[best]! ? name : best));
    for (const ours of [NONE, ALL] as const) {
      report.add({
        name: `decode ${size}, ${ours}`,
        unit: 'M commands/s',
        ours: rates[ours]!,
        peer: { name: fastest, value: rates[fastest]! },
        ratio: medianRatio(samples.get(ours)!, samples.get(fastest)!),
        goal: { atLeast: GOALS[ours] },
        ...(ours === NONE ? { details: pick(rates, peers) } : {}),
      });
    }
  }
}

/** Decodes the whole stream, chunk by chunk; it ends between two commands. */
function overStream(
  { bytes, commands }: { readonly bytes: Buffer; readonly commands: number },
  decode: Decode,
): () => number {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) chunks.push(bytes.subarray(at, at + CHUNK));
  return () => {
    let found = 0;
    for (const chunk of chunks) found += decode(chunk);
    if (found !== commands) throw new Error(`${found} commands were found of ${commands}`);
    return found;
  };
}

function pick(from: Record<string, number>, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, from[name]!]));
}
