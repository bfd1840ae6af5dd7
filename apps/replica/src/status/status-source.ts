import { randomBytes } from 'node:crypto';
import type { Clock } from '@forebay/log';
import type { Follower } from '../follow/follower.ts';
import type { Relay } from '../serve/relay.ts';
import { VERSION } from '../version.ts';
import type { Status } from './status.ts';

/** Who owns what a status is made of. */
export interface StatusParts {
  readonly follower: Follower;
  /** Undefined where nobody is served. */
  readonly relay: Relay | undefined;
  readonly backlogSize: number;
}

const NOBODY = {
  ...{ clients: 0, most: 0, connections: 0, refused: 0, commands: 0 },
  ...{ fullResyncs: 0, partialResyncs: 0 },
};

/** Makes a status whenever it is asked for; it keeps none. */
export function statusSource(clock: Clock, parts: () => StatusParts): () => Status {
  const runId = randomBytes(20).toString('hex');
  const began = clock.now();
  return () => {
    const { follower, relay, backlogSize } = parts();
    const { host, port } = follower.upstream;
    const now = clock.now();
    return {
      version: VERSION,
      runId,
      uptime: now - began,
      now,
      port: relay?.port ?? 0,
      upstream: { host, port },
      link: follower.link.status,
      log: follower.logStatus,
      replicas: relay?.replicas ?? [],
      clients: relay?.counts ?? NOBODY,
      backlogSize,
    };
  };
}
