import type { ReplicationReport } from '@forebay/psync';
import type { ReplicaProgress } from './acknowledgement.ts';
import type { CachedStream } from './cached-stream.ts';
import type { ReplicaItem } from './items.ts';
import type { TransferProgress } from './link-options.ts';
import type { LinkStep } from './states.ts';
import type { UpstreamDecision } from './upstream.ts';

/** The owner of a link: it has the state that outlives a link. */
export interface LinkOwner {
  readonly cached: CachedStream | undefined;
  /** What the one who stores has told of `cached`; undefined if it has told nothing yet. */
  readonly acknowledgement: ReplicaProgress | undefined;
  /** Whether reading has to stop until `resume` is called. */
  readonly full: boolean;
  remember(cached: CachedStream | undefined): void;
  deliver(item: ReplicaItem): void;
  /** How to go on by that report; undefined where it does not matter any more. It never rejects. */
  decide(
    report: ReplicationReport | undefined,
    reply: string | undefined,
  ): Promise<UpstreamDecision | undefined>;
  onStep(step: LinkStep): void;
  onTransfer(progress: TransferProgress): void;
  onOptionRefused(option: string, reply: string): void;
  onWaiting(): void;
}
