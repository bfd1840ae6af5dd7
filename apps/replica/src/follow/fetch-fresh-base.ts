import type { Log } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import type { ReplicaConfig } from '../config.ts';
import { fetchBase } from '../follow-log/fetch-base.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { Arrivals } from './disk/arrivals.ts';
import type { Keeper } from './disk/keeper.ts';
import type { Session } from './session.ts';
import { replicaOptions } from './upstream/replica-options.ts';
import { warnOf } from './verified-snapshot.ts';
import type { World } from './world.ts';

/** What a fresh base is fetched with. */
export interface FreshBaseContext {
  readonly log: Log;
  readonly keeper: Keeper;
  /** The session whose upstream sends the base; the fetch ends with it. */
  readonly session: Session;
  readonly arrivals: Arrivals;
  readonly config: ReplicaConfig;
  readonly world: World;
  readonly reporter: Reporter;
}

/** Fetches a base from the upstream of a session, within the disk limit, and reports it; returns its number of keys if known. */
export async function fetchFreshBase(context: FreshBaseContext): Promise<number | undefined> {
  const { log, keeper, session, arrivals, config, world, reporter } = context;
  const since = world.clock.elapsed();
  const options = { ...replicaOptions(session.upstream, config, world), signal: session.ended };
  const { size, verdict } = await fetchBase(log, options, {
    createBase: (directory) => keeper.createBase('fetch', directory),
    reached: async (position) => {
      const { offset } = position;
      const place = formatPosition(position);
      reporter.step(`fresh base, at ${place}`, { event: 'base', position: place });
      keeper.baseStands(offset);
      await arrivals.at(offset, log.written, session.ended);
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
