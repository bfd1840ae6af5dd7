import type { Clock } from '@forebay/clock';
import type { Follower } from '../follow/follower.ts';
import type { Relay } from '../serve/relay.ts';
import type { Observed } from '../status/observer.ts';
import type { RecentEvents } from '../status/recent-events.ts';
import type { Status } from '../status/status.ts';
import { Timestamp } from '../status/timestamp.ts';
import { VERSION } from '../version.ts';

/** Who owns what a status is made of. */
export interface StatusParts {
  readonly follower: Follower;
  /** Undefined where nobody is served. */
  readonly relay: Relay | undefined;
  readonly backlogSize: number;
  /** Undefined where nobody observes: that is done for HTTP alone. */
  readonly observed: Observed | undefined;
  readonly events: RecentEvents;
}

const NOBODY = {
  clients: 0,
  most: 0,
  connections: 0,
  refused: 0,
  commands: 0,
  fullResyncs: 0,
  partialResyncs: 0,
  failedResyncs: 0,
  errors: new Map<string, number>(),
};

const NO_TRAFFIC = { input: 0, output: 0, replicaOutput: 0 };

/** Makes a status whenever it is asked for; it keeps none. */
export function statusSource(clock: Clock, parts: () => StatusParts): () => Status {
  const began = new Timestamp(clock);
  return () => {
    const { follower, relay, backlogSize, observed, events } = parts();
    const { host, port } = follower.upstream;
    const now = clock.now();
    const link = follower.link.status;
    const log = follower.logStatus;
    return {
      version: VERSION,
      runId: follower.chain.runId,
      runIds: follower.chain.runIds,
      uptime: now - began.date,
      now,
      port: relay?.port ?? 0,
      upstream: { host, port },
      primary: follower.primary,
      candidates: follower.candidates,
      link,
      lag: follower.lag.status(log?.history, log?.written ?? 0, follower.link),
      paused: follower.paused,
      limits: follower.limits,
      baseCounts: follower.baseCounts,
      log,
      held: observed?.held,
      recent: observed?.history.samples ?? [],
      syncTimes: follower.syncTimes.status,
      replicas: relay?.replicas ?? [],
      clients: relay?.counts ?? NOBODY,
      backlogSize,
      // These cost more than all the rest, and PING asks for none of them.
      get traffic() {
        return relay?.traffic ?? NO_TRAFFIC;
      },
      get memory() {
        return process.memoryUsage();
      },
      get cpu() {
        return process.cpuUsage();
      },
      loopDelay: observed?.loopDelay,
      events: events.all,
    };
  };
}
