import type { Log } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import { Replica } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';
import type { ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import { replicaOptions } from './session.ts';
import { refusalOf, warnOf } from './verified-snapshot.ts';
import type { World } from './world.ts';

/** Waits until the log holds the stream up to an offset; rejects when that is given up. */
export type Reached = (offset: number) => Promise<void>;

/**
 * Fetches a snapshot over a second connection while the first streams on, and makes it the newest
 * base. It costs the primary a fork. Returns how many keys it has, where that is known.
 *
 * @throws what kept it from coming; the log is as it was
 */
export async function fetchBase(
  log: Log,
  upstream: Candidate,
  config: ReplicaConfig,
  world: World,
  reporter: Reporter,
  reached: Reached,
  stop: AbortSignal,
): Promise<{ readonly keys: number | undefined }> {
  const since = world.clock.elapsed();
  const target = log.awaitBase();
  const options = { ...replicaOptions(upstream, config, world), rdbOnly: true, signal: stop };
  await using replica = new Replica(options);
  let file: Awaited<ReturnType<World['createBase']>> | undefined;
  try {
    for await (const item of replica) {
      if (item.type === 'full-resync') {
        const { position } = item;
        if (position === undefined) throw new Error('the primary names no position for it');
        const place = formatPosition(position);
        reporter.step(`fresh base, at ${place}`, { event: 'base', position: place });
        await reached(position.offset);
        await log.splitFor(position);
        file = await world.createBase(target.directory);
      } else if (item.type === 'snapshot') await file?.write(item.bytes);
      else if (item.type === 'snapshot-aborted')
        throw new Error(refusalOf(item.error) ?? item.error.message, { cause: item.error });
      else if (item.type === 'snapshot-end' && file !== undefined) {
        const { history, offset, verdict } = item;
        await file.commit(target.path);
        const { length: size, crc } = file;
        await log.addBase({ target, size, crc, position: { id: history.id, offset } });
        const seconds = ((world.clock.elapsed() - since) / 1000).toFixed(1);
        const fields = { event: 'base-done', bytes: size, seconds: Number(seconds) } as const;
        reporter.good(`fresh base done, ${formatBytes(size)} in ${seconds} s`, fields);
        warnOf(verdict, reporter);
        return { keys: verdict?.keys };
      }
    }
    throw new Error('the link ended before it was whole');
  } finally {
    log.abandonBase(target);
    await file?.abort();
  }
}
