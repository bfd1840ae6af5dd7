import type { Upstream } from '@forebay/primary';
import type { ReportedServer } from '@forebay/psync';

/** The side of the daemon that follows, as the side that serves replicas asks it. */
export interface FollowingSide {
  /** The server that is followed. */
  readonly upstream: Upstream;
  /** What it reported of itself; undefined until it has. */
  readonly primary: ReportedServer | undefined;
  /** Whether the log is known to lack bytes that the upstream has. */
  readonly catchingUp: boolean;
  /** Asks the upstream how far it has come. It never rejects. */
  lookAbove(): Promise<void>;
  /** Fetches a fresh base; resolves when that is over, well or not. */
  freshenBase(): Promise<void>;
  /** Closes the link to the upstream; false: there is no link. */
  cutLink(): boolean;
}
