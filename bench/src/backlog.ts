import { Backlog, DEFAULT_BACKLOG_SIZE } from '@forebay/backlog';
import { interleave, median, medianRatio, rateOf } from './interleave.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';

const APPENDS = { '100 B': 100, '1 KiB': 1024, '16 KiB': 16_384, '64 KiB': 65_536 } as const;
/** Bytes appended between two looks at the clock. */
const STRETCH = 8 * 1024 * 1024;

/** Bytes a second into a backlog of 1 MiB, beside a copy into the same room with no bookkeeping. */
export async function benchBacklog(report: Report, { quick }: Size): Promise<void> {
  report.progress('backlog');
  for (const [size, length] of Object.entries(APPENDS)) {
    const source = Buffer.alloc(length, 'stream');
    const contenders = { ours: backlogAppend(source), copy: bufferCopy(source) };
    const rounds = { rounds: quick ? 7 : 21, warmUps: 3 };
    const samples = await interleave(['ours', 'copy'], rounds, (name) => {
      return rateOf(contenders[name], quick ? 30 : 100) / 1e9;
    });
    const ours = samples.get('ours')!;
    const copy = samples.get('copy')!;
    report.add({
      name: `backlog append, ${size}`,
      unit: 'GB/s',
      ours: median(ours),
      peer: { name: 'Buffer.copy', value: median(copy) },
      ratio: medianRatio(ours, copy),
      goal: { atLeast: 0.8 },
    });
  }
}

function backlogAppend(source: Buffer): () => number {
  // Nobody reads what it lets go of, as where all replicas keep up.
  const backlog = new Backlog({ reuse: () => true });
  // What a link hands on is a plain array, and no Buffer.
  const bytes = new Uint8Array(source.buffer, source.byteOffset, source.length);
  const times = Math.ceil(STRETCH / source.length);
  return () => {
    for (let i = 0; i < times; i++) backlog.append(bytes);
    return times * bytes.length;
  };
}

function bufferCopy(source: Buffer): () => number {
  const ring = Buffer.alloc(DEFAULT_BACKLOG_SIZE);
  const times = Math.ceil(STRETCH / source.length);
  let at = 0;
  return () => {
    for (let i = 0; i < times; i++) {
      if (at + source.length > ring.length) at = 0;
      source.copy(ring, at);
      at += source.length;
    }
    return times * source.length;
  };
}
