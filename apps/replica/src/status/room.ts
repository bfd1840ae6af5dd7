import type { Status } from './status.ts';

/** Room until the log reaches its limit. */
export interface Room {
  /** Bytes until `--max-disk` or the end of the free space, the smaller of the two. */
  readonly bytes: number;
  /** Seconds until the limit at the rate of the last ten minutes; undefined if the log does not grow. */
  readonly seconds: number | undefined;
}

/** Undefined before the directory and the limit are known. Retention, which makes room, is not counted. */
export function roomOf({ limits, held, log, recent }: Status): Room | undefined {
  const used = log?.bytes ?? held?.bytes;
  if (held === undefined || used === undefined || limits.maxDisk === undefined) return undefined;
  const bytes = Math.max(0, Math.min(limits.maxDisk - used, held.free));
  const rate = rateOf(recent);
  return { bytes, seconds: rate > 0 ? bytes / rate : undefined };
}

/** Bytes of stream a second. A full resync, which starts offsets anew, begins the measurement anew. */
function rateOf(recent: Status['recent']): number {
  const known = recent.filter(({ time, written }) => time !== null && written !== null);
  const last = known.at(-1);
  const broken = known.findLastIndex(
    ({ written }, i) => i > 0 && Number(written) < Number(known[i - 1]!.written),
  );
  const first = known[Math.max(0, broken)];
  const seconds = (Number(last?.time) - Number(first?.time)) / 1000;
  return seconds > 0 ? (Number(last?.written) - Number(first?.written)) / seconds : 0;
}
