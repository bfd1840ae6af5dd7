import { formatPosition } from '@forebay/psync';
import { fetchBase } from '../follow-log/fetch-base.ts';
import { formatBytes } from '../reporter.ts';
import type { Arrivals } from './disk/arrivals.ts';
import type { SessionParts } from './session-parts.ts';
import { replicaOptions } from './upstream/replica-options.ts';
import type { UpstreamReplica } from './upstream-replica.ts';
import { warnOf } from './verified-snapshot.ts';

/**
 * Fetches a base from the server that a replica follows, within the disk limit, and reports it. The fetch is aborted
 * when the replica ends. Returns the number of keys in the base, if known.
 *
 * @throws the reason why there is no base
 */
export async function fetchFreshBase(
  upstream: UpstreamReplica,
  arrivals: Arrivals,
  parts: SessionParts,
): Promise<number | undefined> {
  const { log, keeper, config, world, reporter } = parts;
  const since = world.clock.elapsed();
  const options = { ...replicaOptions(upstream.upstream, config(), world), signal: upstream.ended };
  const { size, verdict } = await fetchBase(log, options, {
    createBase: (directory) => keeper.createBase('fetch', directory),
    reached: async (position) => {
      const { offset } = position;
      const place = formatPosition(position);
      reporter.step(`fresh base, at ${place}`, { event: 'base', position: place });
      keeper.baseStands(offset);
      await arrivals.at(offset, log.written, upstream.ended);
      await keeper.basePlaced(offset);
    },
  });
  const seconds = ((world.clock.elapsed() - since) / 1000).toFixed(1);
  reporter.good(`fresh base done, ${formatBytes(size)} in ${seconds} s`, {
    event: 'base-done',
    bytes: size,
    seconds: Number(seconds),
  });
  warnOf(verdict, reporter);
  return verdict?.keys;
}
