import { describe, expect, it } from 'vitest';
import type { FollowerEvent, FollowerState } from '../src/follow/follower-states.ts';
import { nextState } from '../src/follow/follower-states.ts';

type Working = Exclude<FollowerState, 'ended'>;

const STATES: readonly Working[] = [
  'opening',
  'detached',
  'following',
  'closing',
  'paused',
  'reopening',
];

function pathOf(from: Working, event: FollowerEvent): FollowerState[] {
  const path: FollowerState[] = [];
  for (let state: FollowerState = from; state !== 'ended' && path.length < 10; ) {
    state = nextState(state, event);
    path.push(state);
  }
  return path;
}

describe('a follower', () => {
  it.each(STATES)('that is %s closes the log and ends when it is stopped', (state) => {
    const path = [state, ...pathOf(state, 'stopped')];
    expect(path.at(-1)).toBe('ended');
    expect(['closing', 'reopening']).toContain(path.at(-2));
  });

  it('reopens a log that it has closed, and follows into it', () => {
    const path = pathOf('following', 'done');
    expect(path.slice(0, 4)).toEqual(['closing', 'opening', 'detached', 'following']);
  });

  it.each(STATES)('that is %s waits for room, and reopens the log', (state) => {
    if (state === 'reopening') return;
    expect(nextState(state, 'no-room')).toBe('paused');
    expect(pathOf('paused', 'done').slice(0, 2)).toEqual(['reopening', 'opening']);
  });
});
