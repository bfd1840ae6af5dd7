/** What a follower is doing. */
export type FollowerState =
  /** Opens the log. */
  | 'opening'
  /** Serves the log, until an upstream is to be followed. */
  | 'detached'
  /** Follows an upstream into the log. */
  | 'following'
  /** Closes the log. */
  | 'closing'
  /** Waits until there is room on the disk; the log is served as long as it can be read. */
  | 'paused'
  /** Closes the log after a pause. */
  | 'reopening'
  | 'ended';

/** What ends a state. */
export type FollowerEvent =
  /** The work of the state is done. */
  | 'done'
  /** The work of the state is done, and the process is to stop. */
  | 'stopped'
  /** The disk is full, or the disk limit is reached. */
  | 'no-room';

/** A closed log is opened again: the next link continues from its recovered end. */
const NEXT = {
  opening: { done: 'detached', stopped: 'detached', 'no-room': 'paused' },
  detached: { done: 'following', stopped: 'closing', 'no-room': 'paused' },
  following: { done: 'closing', stopped: 'closing', 'no-room': 'paused' },
  closing: { done: 'opening', stopped: 'ended', 'no-room': 'paused' },
  paused: { done: 'reopening', stopped: 'reopening', 'no-room': 'paused' },
  reopening: { done: 'opening', stopped: 'ended', 'no-room': 'opening' },
} as const satisfies Record<Exclude<FollowerState, 'ended'>, Record<FollowerEvent, FollowerState>>;

export function nextState(
  state: Exclude<FollowerState, 'ended'>,
  event: FollowerEvent,
): FollowerState {
  return NEXT[state][event];
}
