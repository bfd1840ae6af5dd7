import type { Status } from '../status/status.ts';

/** Why we are not ready, in one line; undefined: we are. `maxLag` is in seconds. */
export function unreadiness({ link, log, lag }: Status, maxLag: number): string | undefined {
  if (log?.history === undefined) return 'nothing is held yet';
  if (link.downSince !== undefined) return `the link is not up: ${link.state}`;
  if (lag.seconds > maxLag) return `${lag.seconds.toFixed(1)} s behind, ${maxLag} at most`;
  return undefined;
}
