import type { Clock } from '@forebay/clock';
import type { LinkStatus } from '../status/link-record.ts';

/** Milliseconds between two inspections. */
const PERIOD = 5000;
/** Milliseconds without a byte: longer than the servers' default period of PINGs (`repl-ping-replica-period`). */
const SILENCE = 12_000;

/** What is inspected. */
export interface LoopWatchHost {
  readonly link: LinkStatus;
  /** Whether the upstream said last that it is a replica. */
  readonly belowReplica: boolean;
  /** Asks the upstream for its own upstream; false if it refuses INFO. It never rejects. */
  inspect(): Promise<boolean>;
}

/**
 * Asks the upstream for its own upstream while the link is up: a server may be told to replicate from this process
 * later. A stream with data comes from a primary, so only idle links and chains are checked.
 * An upstream that refuses INFO is asked once a link. Runs until the function returned is called.
 */
export function watchForLoops(clock: Clock, host: LoopWatchHost): () => void {
  let cancel = clock.after(PERIOD, tick);
  /** When the link was made whose upstream refused. */
  let refusedSince: number | undefined;
  async function tick(): Promise<void> {
    let stopped = false;
    cancel = () => {
      stopped = true;
    };
    const { state, since, lastIo = since } = host.link;
    const isSilent = clock.now() - Math.max(lastIo, since) >= SILENCE;
    const isDue = state === 'stream' && since !== refusedSince && (isSilent || host.belowReplica);
    if (isDue && !(await host.inspect())) refusedSince = since;
    if (!stopped) cancel = clock.after(PERIOD, tick);
  }
  return () => cancel();
}
