import { startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import { cursorsOf, replicasOf } from '../../src/http/readers.ts';
import type { Status } from '../../src/status/status.ts';

const NOW = 1_700_000_000_000;

/** A log from 0 to 1000: a file of ten minutes, two hours ago, and samples of the last seconds from 600 on. */
function status(parts: Partial<Status>): Status {
  const sample = (ago: number, written: number) => ({ time: NOW - ago, written });
  const increment = { from: 0, to: 600, first: NOW - 7_800_000, last: NOW - 7_200_000 };
  return {
    now: NOW,
    log: { history: startHistory('a'.repeat(40)), written: 1000 },
    recent: [sample(3000, 600), sample(2000, 600), sample(1000, 800)],
    held: { seen: NOW - 2000, cursors: [], segments: [{ to: 600, increments: [increment] }] },
    replicas: [],
    ...parts,
  } as unknown as Status;
}

function replicaAt(offset: number, state = 'online') {
  const replicas = [{ host: '::1', port: 1, state, offset }] as unknown as Status['replicas'];
  return replicasOf(status({ replicas }))[0];
}

describe('what a replica below gets next came in', () => {
  it('never, where it has everything', () => {
    expect(replicaAt(1000)).toMatchObject({ behind: 0, age: 0, next: undefined });
    expect(replicaAt(1001)).toMatchObject({ behind: 0, age: 0 });
  });

  it('between the samples of the last seconds', () => {
    expect(replicaAt(900)).toMatchObject({ behind: 100, age: 0.5 });
    expect(replicaAt(700)).toMatchObject({ behind: 300, age: 1.5 });
  });

  it('between the first and the last bytes of a file, before that', () => {
    expect(replicaAt(300)).toMatchObject({ behind: 700, age: 7500 });
  });

  it('at no time that is known, while it gets its copy', () => {
    const copied = replicaAt(0, 'send_bulk');
    expect(copied).toMatchObject({ behind: undefined, age: undefined, offset: undefined });
  });
});

it('replicas of one host that tell no port have names of their own', () => {
  const replicas = [1, 2].map((id) => ({ id, host: '::1', port: 0, state: 'online', offset: 9 }));
  const named = replicasOf(status({ replicas } as unknown as Partial<Status>));
  expect(named.map(({ name }) => name)).toEqual(['::1:0 (client 1)', '::1:0 (client 2)']);
});

it('the lag of a cursor is that of the last inspection of the directory', () => {
  const id = 'a'.repeat(40);
  const cursors = [
    {
      name: 'slow',
      state: 'readable',
      position: { id, offset: 300 },
      behind: 300,
      next: NOW - 9000,
    },
    { name: 'quick', state: 'readable', position: { id, offset: 600 }, behind: 0 },
    { name: 'lost', state: 'lost', position: { id, offset: 1 } },
    { name: 'damaged', state: 'damaged' },
  ];
  const { held } = status({});
  const read = cursorsOf(status({ held: { ...held, cursors } as unknown as Status['held'] }));
  expect(read).toMatchObject([
    { name: 'slow', behind: 300, age: 7 },
    { name: 'quick', behind: 0, age: 0 },
    { name: 'lost', behind: undefined, age: undefined },
    { name: 'damaged', behind: undefined, offset: undefined },
  ]);
});
