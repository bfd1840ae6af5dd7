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
  /** Asks the upstream whom it follows. It never rejects. */
  inspect(): Promise<void>;
}

/**
 * Has the upstream asked whom it follows while a link stands: a server may be made to follow us after we began to
 * follow it. A stream that brings data comes from a primary, so that only silence and chains are worth asking.
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
