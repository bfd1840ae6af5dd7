import type { CopyCause, ReplicationReport } from '@forebay/psync';
import type { Endpoint } from './address.ts';
import type { Resume } from './cached-stream.ts';

/** The server that is about to be asked for the stream. */
export interface Upstream {
  readonly endpoint: Endpoint;
  /** Its refusal, where it did not grant INFO. */
  readonly reply: string | undefined;
}

/** How the stream is to be asked for. */
export type UpstreamDecision =
  /** For the byte after the last one received. */
  | { readonly type: 'ask' }
  /** The one who stores has stepped back: for the byte after what it holds now. */
  | { readonly type: 'resume'; readonly resume: Resume }
  /** For a full copy; what is held stays the truth until that is whole. */
  | { readonly type: 'full'; readonly cause?: CopyCause; readonly reason: string }
  /** Not now: the attempt ends with `TRY_LATER`. */
  | { readonly type: 'later'; readonly reason: string }
  /** Not from here, because its stream comes from us: the attempt ends with `LOOP`. */
  | { readonly type: 'loop'; readonly reason: string };

/**
 * Decides how to go on at a server, before it is asked for anything, also when nothing is held yet. It is
 * called when all items so far have been taken and done with, and none comes until it has decided, so that
 * what is stored may be cut. `report` is undefined where INFO was not granted.
 *
 * What it rejects with, the iteration throws. If the link ends meanwhile, only `resume` still counts.
 */
export type DecideUpstream = (
  report: ReplicationReport | undefined,
  upstream: Upstream,
) => Promise<UpstreamDecision>;
