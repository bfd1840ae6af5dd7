import type { HeldStream, ReplicationReport } from '@forebay/psync';
import { startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import type { Candidate, Candidates } from '../src/config/candidate.ts';
import { choose } from '../src/follow/upstream/candidates.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const NONE = '0'.repeat(40);

const held: HeldStream = { history: startHistory(A), offset: 100, lowest: 0 };

function candidate(host: string): Candidate {
  const endpoint = { kind: 'tcp', host, port: 6379 } as const;
  return { endpoint, username: 'me', password: 'secret' };
}

function primary(id: string, offset = 100): ReplicationReport {
  const backlog = { active: true, firstByte: 1, length: offset };
  const ids = { id, secondId: NONE, secondIdLimit: -1, offset };
  return {
    role: 'primary',
    ...ids,
    backlog,
    loading: false,
    upstream: undefined,
    replicas: [],
    runIds: [],
  };
}

function replicaOf(host: string): ReplicationReport {
  return { ...primary(A), role: 'replica', upstream: { host, port: 6379, up: true } };
}

/** Who is chosen of h1, h2 and h3, by what each answers; whoever is not named does not answer. */
async function chosen(
  answers: Readonly<Record<string, ReplicationReport>>,
  holding: HeldStream | undefined = held,
): Promise<string | undefined> {
  const candidates: Candidates = [candidate('h1'), candidate('h2'), candidate('h3')];
  const probe = async ({ endpoint, password }: Candidate) => {
    const report = endpoint.kind === 'unix' ? undefined : answers[endpoint.host];
    if (report === undefined || password !== 'secret') throw new Error('no answer');
    return report;
  };
  const found = await choose(candidates, probe, holding);
  return found?.endpoint.kind === 'tcp' ? found.endpoint.host : undefined;
}

describe('of several candidates', () => {
  it('the first that answers as a primary is followed', async () => {
    expect(await chosen({ h2: primary(A), h3: primary(A) })).toBe('h2');
    expect(await chosen({ h1: replicaOf('h3'), h3: primary(A) })).toBe('h3');
    expect(await chosen({ h2: primary(A), h3: primary(B) }, undefined)).toBe('h2');
  });

  it('one that can go on from what is held is preferred to one that cannot', async () => {
    expect(await chosen({ h1: primary(B), h3: primary(A) })).toBe('h3');
    const promoted = { ...primary(B), secondId: A, secondIdLimit: 81 };
    expect(await chosen({ h1: primary('c'.repeat(40)), h2: promoted })).toBe('h2');
  });

  it('the primary that a replica among them names is followed where none is one', async () => {
    expect(await chosen({ h1: replicaOf('elsewhere'), elsewhere: primary(A) })).toBe('elsewhere');
  });

  it('none is, where none answers as a primary and none names one that does', async () => {
    expect(await chosen({})).toBeUndefined();
    expect(await chosen({ h1: replicaOf('h2'), h2: replicaOf('h1') })).toBeUndefined();
    expect(await chosen({ h1: replicaOf('gone') })).toBeUndefined();
  });
});
