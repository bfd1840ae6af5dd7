import type { Log } from '@forebay/log';
import type { ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import type { LinkRecord } from '../status/link-record.ts';
import type { Keeper } from './disk/keeper.ts';
import type { Downstream } from './downstream.ts';
import type { LinkState } from './link-state.ts';
import type { Pause } from './pause.ts';
import type { Upstreams } from './upstream/upstreams.ts';
import type { World } from './world.ts';

/** The parts of a follower that a session connects. */
export interface SessionParts {
  readonly log: Log;
  readonly keeper: Keeper;
  readonly upstreams: Upstreams;
  readonly downstream: Downstream | undefined;
  readonly record: LinkRecord;
  readonly pause: Pause;
  readonly config: () => ReplicaConfig;
  readonly world: World;
  readonly reporter: Reporter;
  /** Called when the link comes up, and when it is lost or cannot be established. */
  readonly onLink: (state: LinkState) => void;
}
