import { pauseText } from '../status/pause.ts';
import type { Status } from '../status/status.ts';

/** Whether we are ready, and a line that says so, or why not. */
export interface Readiness {
  readonly ready: boolean;
  readonly text: string;
}

/** `maxLag` is in seconds. A server that does not tell how far it has come holds nobody up. */
export function readinessOf({ paused, link, log, lag }: Status, maxLag: number): Readiness {
  if (paused !== undefined) return unready(pauseText(paused));
  if (log?.history === undefined) return unready('nothing is held yet');
  if (link.downSince !== undefined) return unready(`the link is not up: ${link.state}`);
  if (lag.seconds > maxLag) {
    return unready(`${lag.seconds.toFixed(1)} s behind, ${maxLag} at most`);
  }
  const text = lag.bytes === undefined ? 'ready; how far behind is not known' : 'ready';
  return { ready: true, text };
}

function unready(why: string): Readiness {
  return { ready: false, text: `not ready: ${why}` };
}
