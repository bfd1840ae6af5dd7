import type { Clock } from '@forebay/log';
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
  /** Asks the upstream for its own upstream. It never rejects. */
  inspect(): Promise<void>;
}

/**
 * Asks the upstream for its own upstream while the link is up: a server may be told to replicate from this process
 * later. A stream with data comes from a primary, so only idle links and chains are checked.
 * Runs until the function returned is called.
 */
export function watchForLoops(clock: Clock, host: LoopWatchHost): () => void {
  let cancel = clock.after(PERIOD, tick);
  async function tick(): Promise<void> {
    let stopped = false;
    cancel = () => {
      stopped = true;
    };
    const { state, since, lastIo = since } = host.link;
    const isSilent = clock.now() - Math.max(lastIo, since) >= SILENCE;
    if (state === 'stream' && (isSilent || host.belowReplica)) await host.inspect();
    if (!stopped) cancel = clock.after(PERIOD, tick);
  }
  return () => cancel();
}
