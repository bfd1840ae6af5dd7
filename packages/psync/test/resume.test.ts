import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeldStream, History, ReplicationReport } from '../src/index.ts';
import { BLANK_ID, planResume, startHistory } from '../src/index.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

/** Under A, up to 500, with a base at 100. */
const HELD: HeldStream = { history: startHistory(A), offset: 500, lowest: 100 };
/** The same after a shift from A to B at 300. */
const SHIFTED: HeldStream = {
  ...HELD,
  history: { id: B, secondId: A, secondIdLimit: 301 },
};

interface Told {
  readonly role?: ReplicationReport['role'];
  readonly id?: string | undefined;
  readonly secondId?: string;
  readonly secondIdLimit?: number;
  readonly offset?: number;
  readonly backlog?: ReplicationReport['backlog'];
}

/** A primary under A at 800, whose backlog has everything. */
function report(told: Told = {}): ReplicationReport {
  const { offset = 800 } = told;
  return {
    role: 'primary',
    id: A,
    secondId: BLANK_ID,
    secondIdLimit: -1,
    offset,
    backlog: { active: true, firstByte: 1, length: offset },
    loading: undefined,
    upstream: undefined,
    replicas: [],
    runIds: [],
    ...told,
  };
}

function promoted(told: Told = {}): ReplicationReport {
  return report({ id: C, secondId: A, secondIdLimit: 401, ...told });
}

describe('what we hold is gone on from', () => {
  it.each<[string, HeldStream, ReplicationReport]>([
    ['at the primary that we followed', HELD, report()],
    ['at a replica of it that is level with us', HELD, report({ role: 'replica', offset: 500 })],
    ['at a replica of it that is further', HELD, report({ role: 'replica' })],
    ['at a promoted one that has all of it', HELD, promoted({ secondIdLimit: 501 })],
    ['at a promoted one that had more of it', HELD, promoted({ secondIdLimit: 700 })],
    ['at one that shares both ids', SHIFTED, report({ id: B, secondId: A, secondIdLimit: 301 })],
    [
      'with the second id alone in its past',
      SHIFTED,
      promoted({ secondId: B, secondIdLimit: 501 }),
    ],
    ['whatever the case of the id', HELD, report({ id: A.toUpperCase() })],
    [
      'where our next byte is the first of its backlog',
      HELD,
      report({ backlog: { active: true, firstByte: 501, length: 300 } }),
    ],
    [
      'one past the end of its backlog, with nothing',
      HELD,
      report({ offset: 500, backlog: { active: true, firstByte: 401, length: 100 } }),
    ],
    [
      'one past the end of an empty backlog',
      HELD,
      report({ offset: 500, backlog: { active: true, firstByte: 501, length: 0 } }),
    ],
  ])('%s', (_, held, told) => {
    expect(planResume(held, told)).toEqual({ type: 'continue', note: undefined });
  });

  it.each([
    ['INFO is denied', undefined, /INFO is denied/],
    ['the server is older than ids', report({ id: undefined }), /before 4\.0/],
  ])('without a better word where %s', (_, told, note) => {
    expect(planResume(HELD, told)).toEqual({ type: 'continue', note: expect.stringMatching(note) });
  });
});

describe('a step back', () => {
  it.each<[string, HeldStream, ReplicationReport, number, History]>([
    ['to where a promoted replica left our id', HELD, promoted(), 400, startHistory(A)],
    ['by one byte', HELD, promoted({ secondIdLimit: 500 }), 499, startHistory(A)],
    ['to our base', HELD, promoted({ secondIdLimit: 101 }), 100, startHistory(A)],
    [
      'to the first byte of its backlog',
      HELD,
      promoted({ backlog: { active: true, firstByte: 401, length: 400 } }),
      400,
      startHistory(A),
    ],
    [
      'keeps the id before, where that was left earlier',
      SHIFTED,
      promoted({ secondId: B }),
      400,
      SHIFTED.history,
    ],
    [
      'keeps of the id before what is shared, where that was left later',
      SHIFTED,
      promoted({ secondId: B, secondIdLimit: 201 }),
      200,
      { ...SHIFTED.history, secondIdLimit: 201 },
    ],
    ['to our second id, at one that is under it', SHIFTED, report(), 300, startHistory(A)],
    [
      'to the end of one that is under our second id',
      SHIFTED,
      report({ offset: 250 }),
      250,
      startHistory(A),
    ],
    [
      'to where two promotions parted: we left first',
      SHIFTED,
      promoted({ secondIdLimit: 401 }),
      300,
      startHistory(A),
    ],
    [
      'to where two promotions parted: it left first',
      SHIFTED,
      promoted({ secondIdLimit: 201 }),
      200,
      startHistory(A),
    ],
    [
      'by no byte, where only the id is not shared',
      { ...SHIFTED, offset: 300 },
      report(),
      300,
      startHistory(A),
    ],
  ])('%s', (_, held, told, to, history) => {
    expect(planResume(held, told)).toEqual({
      type: 'step-back',
      to,
      history,
      upstreamId: told.id,
      reason: expect.stringContaining(`up to ${to}`),
    });
  });

  it('goes to the highest of several shared points', () => {
    const told = report({ id: A, secondId: B, secondIdLimit: 401 });
    expect(planResume(SHIFTED, told)).toMatchObject({ to: 400, history: { id: B } });
  });
});

describe('a replica under our id that is behind', () => {
  it('is waited for', () => {
    expect(planResume(HELD, report({ role: 'replica', offset: 499 }))).toEqual({
      type: 'wait',
      reason: 'it is a replica under our id, and behind: it has come to 499, we to 500',
    });
  });
});

describe('a server that has no history just now', () => {
  it.each([HELD, SHIFTED])('is waited for: a full copy would be of what we may hold', (held) => {
    const told = report({ role: 'replica', id: BLANK_ID, offset: 0 });
    expect(planResume(held, told)).toMatchObject({ type: 'wait' });
  });
});

describe('a full copy is asked for', () => {
  it.each<[string, HeldStream, ReplicationReport, RegExp]>([
    [
      'of a primary under our id that is behind',
      HELD,
      report({ offset: 499 }),
      /cannot be trusted/,
    ],
    ['below our base', HELD, promoted({ secondIdLimit: 100 }), /ends at 99, below our base at 100/],
    [
      'where the shared point has left the backlog',
      HELD,
      promoted({ backlog: { active: true, firstByte: 402, length: 399 } }),
      /does not reach back to 401: it goes from 402/,
    ],
    [
      'where our next byte has left the backlog',
      HELD,
      report({ backlog: { active: true, firstByte: 502, length: 299 } }),
      /does not reach back to 501/,
    ],
    [
      'where the backlog ends before',
      HELD,
      report({ backlog: { active: true, firstByte: 1, length: 499 } }),
      /does not reach back to 501/,
    ],
    [
      'where the backlog is empty, further on',
      HELD,
      report({ backlog: { active: true, firstByte: 801, length: 0 } }),
      /does not reach back to 501/,
    ],
    [
      'where there is no backlog',
      HELD,
      report({ backlog: { active: false, firstByte: 0, length: 0 } }),
      /is not there/,
    ],
    [
      'of one that was promoted twice',
      HELD,
      report({ id: C, secondId: B, secondIdLimit: 900 }),
      new RegExp(
        `log of replication id ${A}.*id is ${C}, the previous one ${B}; it was promoted or restarted more than once`,
      ),
    ],
    [
      'of one that restarted without its data',
      HELD,
      report({ id: C }),
      new RegExp(
        `log of replication id ${A}.*id is ${C}, without a previous id; it probably restarted`,
      ),
    ],
    [
      'where the blank id is all that is the same',
      HELD,
      report({ id: C, secondId: BLANK_ID, secondIdLimit: 501 }),
      /shares no history/,
    ],
  ])('%s', (_, held, told, reason) => {
    const plan = planResume(held, told);
    expect(plan).toMatchObject({ type: 'full', reason: expect.stringMatching(reason) });
    expect(plan).not.toMatchObject({ reason: expect.stringContaining('\n') });
  });
});

/** `replication.c: masterTryPartialResynchronization`: whether a request is granted. */
function grants(server: ReplicationReport, id: string, asked: number): boolean {
  const asCurrent = id.toLowerCase() === server.id?.toLowerCase();
  const asSecond = id.toLowerCase() === server.secondId && asked <= server.secondIdLimit;
  const { active, firstByte, length } = server.backlog;
  const inWindow = active && asked >= firstByte && asked <= firstByte + length;
  return (asCurrent || asSecond) && inWindow;
}

describe('of any two histories', () => {
  const offset = fc.nat({ max: 12 });
  const pair = fc.tuple(fc.constantFrom(A, B, C), fc.constantFrom(A, B, C, BLANK_ID), offset);
  const held = fc
    .tuple(pair, offset, offset)
    .map(([[id, secondId, last], at, lowest]): HeldStream => {
      const secondIdLimit = secondId === BLANK_ID ? -1 : Math.min(last, at) + 1;
      return {
        history: { id, secondId, secondIdLimit },
        offset: at,
        lowest: Math.min(at, lowest),
      };
    });
  const server = fc
    .tuple(
      fc.constantFrom('primary' as const, 'replica' as const),
      pair,
      offset,
      offset,
      fc.boolean(),
    )
    .map(([role, [id, secondId, last], at, first, active]) => {
      const secondIdLimit = secondId === BLANK_ID ? -1 : Math.min(last, at) + 1;
      const firstByte = Math.min(first, at) + 1;
      const backlog = active
        ? { active, firstByte, length: at + 1 - firstByte }
        : { active, firstByte: 0, length: 0 };
      return report({ role, id, secondId, secondIdLimit, offset: at, backlog });
    });

  it('a plan that goes on is granted, within what is held', () => {
    fc.assert(
      fc.property(held, server, (ours, theirs) => {
        const plan = planResume(ours, theirs);
        if (plan.type === 'continue') {
          expect(grants(theirs, ours.history.id, ours.offset + 1)).toBe(true);
        }
        if (plan.type === 'step-back') {
          expect(grants(theirs, plan.history.id, plan.to + 1)).toBe(true);
          expect(plan.to).toBeLessThanOrEqual(ours.offset);
          expect(plan.to).toBeGreaterThanOrEqual(ours.lowest);
          expect(plan.history.secondIdLimit).toBeLessThanOrEqual(plan.to + 1);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('what is granted as it is is asked for as it is, unless the server is behind', () => {
    fc.assert(
      fc.property(held, server, (ours, theirs) => {
        const granted = grants(theirs, ours.history.id, ours.offset + 1);
        const { type } = planResume(ours, theirs);
        const behind = theirs.id === ours.history.id && ours.offset > theirs.offset!;
        if (granted && !behind) expect(type).toBe('continue');
      }),
      { numRuns: 5000 },
    );
  });
});
