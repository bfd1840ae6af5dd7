import type { ReplicationReport } from '@forebay/psync';
import { ReplicaError } from '@forebay/replica';
import { describe, expect, it } from 'vitest';
import type { Candidate } from '../src/config/candidate.ts';
import { Chain } from '../src/follow/upstream/chain.ts';

const NONE = '0'.repeat(40);
const [B, C] = ['b'.repeat(40), 'c'.repeat(40)] as const;

const primary: ReplicationReport = {
  ...{ role: 'primary', id: 'a'.repeat(40), secondId: NONE, secondIdLimit: -1, offset: 100 },
  ...{ backlog: { active: true, firstByte: 1, length: 100 }, loading: false },
  ...{ upstream: undefined, replicas: [], runIds: [] },
};

function replicaOf(host: string): ReplicationReport {
  return { ...primary, role: 'replica', upstream: { host, port: 6379, up: true } };
}

/** A forebay that follows a server of another kind, or forebays. */
function forebay(...runIds: string[]): ReplicationReport {
  return { ...replicaOf('elsewhere'), runIds };
}

/** This process, while a replica is linked to it. */
function withReplica({ runId }: Chain): ReplicationReport {
  const replica = { host: 's2', port: 6379, state: 'online', offset: 100 };
  return { ...forebay(runId), replicas: [replica] };
}

function candidate(host: string): Candidate {
  return { endpoint: { kind: 'tcp', host, port: 6379 }, username: undefined, password: 'secret' };
}

/** Servers by their host; one that wants no password refuses one. */
function probing(answers: Readonly<Record<string, ReplicationReport>>, open: string[] = []) {
  return async ({ endpoint, password }: Candidate) => {
    const host = endpoint.kind === 'unix' ? '' : endpoint.host;
    if (open.includes(host) && password !== undefined) throw new ReplicaError('DENIED', 'none');
    const report = answers[host];
    if (report === undefined) throw new ReplicaError('UNREACHABLE', 'no answer');
    return report;
  };
}

describe('a server cannot be followed', () => {
  it('when it is this process, under whatever address', async () => {
    const chain = new Chain();
    const self = { here: forebay(...chain.runIds) };
    expect(await chain.loopAt(candidate('here'), probing(self))).toBe(
      'the server is this forebay itself; follow the primary instead',
    );
  });

  it('when it is a forebay that reports this process as its upstream', async () => {
    const chain = new Chain();
    const others = { h1: forebay(B, C, chain.runId) };
    expect(await chain.loopAt(candidate('h1'), probing(others))).toMatch(/from this forebay; /);
  });

  it('when servers of another kind lead to this process, also to one that wants no password', async () => {
    const chain = new Chain();
    const others = { s1: replicaOf('s2'), s2: replicaOf('h1'), h1: withReplica(chain) };
    for (const open of [[], ['h1']]) {
      const loop = await chain.loopAt(candidate('s1'), probing(others, open));
      expect(loop).toMatch(/the server replicates from this forebay through s2:6379; /);
    }
  });

  it('when its upstream servers follow each other in a circle', async () => {
    const chain = new Chain();
    const others = { s1: replicaOf('s2'), s2: replicaOf('s1') };
    const loop = await chain.loopAt(candidate('s1'), probing(others));
    expect(loop).toMatch(/^s1:6379, s2:6379 replicate in a circle; /);
  });
});

describe('a server can be followed', () => {
  it.each<[string, Readonly<Record<string, ReplicationReport>>]>([
    ['it is a primary', { s1: primary }],
    ['it is a replica of a primary', { s1: replicaOf('s2'), s2: primary }],
    ['its upstream does not answer', { s1: replicaOf('s2') }],
    ['it is another forebay', { s1: forebay(B, C) }],
    ['it does not answer', {}],
  ])('when %s', async (_, answers) => {
    const chain = new Chain();
    expect(await chain.loopAt(candidate('s1'), probing(answers))).toBeUndefined();
  });
});

describe('a replica whose upstream has an address that means this process here', () => {
  it('can be followed where that is a loopback address, which means its own machine', async () => {
    const chain = new Chain();
    for (const host of ['127.0.0.1', '::1', 'localhost']) {
      const asked: string[] = [];
      const probe = async ({ endpoint }: Candidate) => {
        asked.push(endpoint.kind === 'unix' ? '' : `${endpoint.host}:${endpoint.port}`);
        if (asked.length > 1) return primary;
        return { ...replicaOf(host), upstream: { host, port: 7000, up: true } };
      };
      expect(await chain.loopAt(candidate('s1'), probe)).toBeUndefined();
      expect(asked).toEqual(['s1:6379', 's1:7000']);
    }
  });

  it('can be followed where its link stands and no replica is linked to this process', async () => {
    const chain = new Chain();
    const others = { s1: replicaOf('h1'), h1: forebay(chain.runId) };
    expect(await chain.loopAt(candidate('s1'), probing(others))).toBeUndefined();
    const upstream = { host: 'h1', port: 6379, up: false };
    for (const loop of [
      { ...others, h1: withReplica(chain) },
      { ...others, s1: { ...others.s1, upstream } },
    ])
      expect(await chain.loopAt(candidate('s1'), probing(loop))).toMatch(/from this forebay; /);
  });
});

describe('the run ids that a forebay reports', () => {
  it('are its own and those of the forebays upstream, also behind other servers', async () => {
    const chain = new Chain();
    expect(chain.runIds).toEqual([chain.runId]);
    const others = { s1: replicaOf('h1'), h1: forebay(B, C) };
    await chain.update(candidate('s1'), others.s1, probing(others));
    expect(chain.runIds).toEqual([chain.runId, B, C]);
    chain.forget();
    expect(chain.runIds).toEqual([chain.runId]);
  });
});
