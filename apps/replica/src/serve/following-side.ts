import type { Upstream } from '@forebay/primary';
import type { ReportedServer } from '@forebay/psync';

/** What the side that serves replicas needs of the side that follows the upstream. */
export interface FollowingSide {
  /** The server that is followed. */
  readonly upstream: Upstream;
  /** What it reported about itself; undefined before its first report. */
  readonly primary: ReportedServer | undefined;
  /** Whether the log is known to lack bytes that the upstream has. */
  readonly catchingUp: boolean;
  /** Asks the upstream for its offset. It never rejects. */
  lookAbove(): Promise<void>;
  /** Fetches a fresh base; resolves when the fetch has ended, with or without a base. */
  freshenBase(): Promise<void>;
  /** Closes the link to the upstream; false: there is no link. */
  cutLink(): boolean;
}
