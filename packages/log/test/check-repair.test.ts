import { bytesOf, randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { check, repair } from '../src/index.ts';
import { contentsOf, DIRECTORY, fullSubject, INNER, SET, Subject } from './check-subject.ts';
import { expectNothingDeleted, opened, repaired, spoil } from './repairing.ts';

/** The number of the live segment of `fullSubject`. */
const LIVE = 2;

/** The states in which a directory is found. */
const STATES: [name: string, leave: (subject: Subject) => Promise<void>][] = [
  ['closed', (subject) => subject.log.close()],
  ['left by a killed process', (subject) => crashed(subject, 'process')],
  ['left by a power cut', (subject) => crashed(subject, 'power')],
  ['left by a power cut before a sync', async ({ disk }) => disk.crash('power')],
];

/** Without its index nothing tells what of the last file was synced, and framing does not show zeros. */
function isBeyondTelling(state: string, path: string, size: number): boolean {
  return state.endsWith('before a sync') && path.endsWith('.12.index') && size < 64;
}

describe.each(STATES)('a log that was %s', (state, leave) => {
  /** Bytes that are tried of all, by chance. */
  const SAMPLES = 250;

  it('has a beginning of what it had after a bit was flipped, or is as it was', async () => {
    const damage = async ({ disk }: Subject, path: string, place: number) => {
      if (!isBeyondTelling(state, path, place)) disk.flipBit(path, place, place % 8);
    };
    await tryAll(await leftBy(leave), SAMPLES, damage);
  });

  it('has a beginning of what it had after a file was cut, or is as it was', async () => {
    const damage = async ({ disk }: Subject, path: string, place: number) => {
      const size = isBeyondTelling(state, path, place) ? 64 : place;
      disk.poke(path, disk.peek(path).subarray(0, size));
    };
    await tryAll(await leftBy(leave), SAMPLES, damage);
  });

  it('has a beginning of what it had after a file was lost, or is as it was', async () => {
    const subject = await leftBy(leave);
    const before = await contentsOf(subject.copy());
    for (const path of subject.files().keys()) {
      if (isBeyondTelling(state, path, 0)) continue;
      const copy = subject.copy();
      await copy.disk.remove(path);
      await expectRepaired(copy, before, `${path} lost`);
    }
  });
});

describe('a flipped bit', () => {
  it('in a base or in a span is corrected, and nothing is lost', async () => {
    const seed = runSeed();
    const random = randomFrom(seed);
    const subject = await closed();
    const [before, bases] = [await contentsOf(subject.copy()), basesOf(subject)];
    const files = [...subject.files()].filter(([path]) => /\.(incr\.aof|base\.rdb)$/.test(path));
    for (let i = 0; i < 60; i++) {
      const [path, bytes] = random.pick(files);
      // The SELECT before the stream is no part of a span.
      const place = random.integer(path.endsWith('.aof') ? 23 : 0, bytes.length - 1);
      const bit = random.integer(0, 7);
      const what = `FOREBAY_SEED=${seed}: ${path}, byte ${place}, bit ${bit}`;
      const copy = subject.copy();
      copy.disk.flipBit(path, place, bit);
      const damaged = copy.disk.peek(path);
      const { done, lost, aside } = await repaired(copy);
      expect(done, what).toEqual([expect.stringContaining(`bit ${bit} of byte ${place} `)]);
      expect(lost, what).toEqual([]);
      expect((await check(copy.disk.process, DIRECTORY)).findings, what).toEqual([]);
      expect(await contentsOf(copy), what).toEqual(before);
      expect(basesOf(copy), what).toEqual(bases);
      expect(copy.disk.peek(`${aside}${path.slice(INNER.length)}`), what).toEqual(damaged);
    }
  });

  it('in each of several spans, in a base and in the manifest is corrected at once', async () => {
    const subject = await closed();
    const [before, bases] = [await contentsOf(subject.copy()), basesOf(subject)];
    const flipped: [string, number][] = [
      ...([30, 70, 180].map((place) => ['5.incr.aof', place]) as [string, number][]),
      ['3.incr.aof', 30],
      ['12.incr.aof', 40],
      ['4.base.rdb', 3],
      ['manifest', 150],
    ];
    for (const [name, place] of flipped) {
      subject.disk.flipBit(`${INNER}/appendonly.aof.${name}`, place, 5);
    }
    const { done, lost } = await repaired(subject);
    expect(done).toHaveLength(flipped.length);
    expect(lost).toEqual([]);
    expect((await check(subject.disk.process, DIRECTORY)).findings).toEqual([]);
    expect(await contentsOf(subject)).toEqual(before);
    expect(basesOf(subject)).toEqual(bases);
  });

  it('is corrected before damage of another kind, where the history ends', async () => {
    const subject = await closed();
    subject.disk.flipBit(`${INNER}/appendonly.aof.5.incr.aof`, 30, 1);
    spoil(subject, 'appendonly.aof.5.incr.aof', 180, 2);
    const before = await contentsOf(await closed());
    const { done, lost } = await repaired(subject);
    expect(done[0]).toMatch(/^flipped bit 1 of byte 30 \(offset 1008\)/);
    expect(lost.map(({ from }) => from.offset)).toEqual([1151]);
    expect(before.get(LIVE)?.startsWith((await contentsOf(subject)).get(LIVE)!)).toBe(true);
  });

  it('in a span that holds no commands afterwards is not corrected', async () => {
    const subject = await new Subject().open();
    await subject.begin(10);
    await subject.append(SET);
    const boundary = { offset: subject.log.written, database: 0 };
    await subject.log.append(bytesOf('*1\r\n?4\r\nPING\r\n'), boundary);
    await subject.log.close();
    subject.disk.flipBit(`${INNER}/appendonly.aof.2.incr.aof`, 23 + SET.length + 12, 0);
    const { done, lost } = await repaired(subject);
    expect(done.join()).not.toContain('flipped');
    expect(lost.map(({ from }) => from.offset)).toEqual([boundary.offset]);
  });

  function basesOf({ disk }: Subject): string[] {
    return disk
      .paths()
      .filter((path) => path.startsWith(INNER) && path.endsWith('.base.rdb'))
      .map((path) => textOf(disk.peek(path)));
  }
});

describe('what is kept', () => {
  const name = (sequence: number, kind = 'incr.aof') => `appendonly.aof.${sequence}.${kind}`;

  it('of the live history ends before the damage; later bases and files are moved aside', async () => {
    const subject = await closed();
    spoil(subject, name(5), 70, 2);
    const report = await repaired(subject);
    expect(report.lost).toEqual([
      { from: { id: expect.any(String), offset: 1033 }, to: { id: 'c'.repeat(40), offset: 1372 } },
    ]);
    expect(report.aside).toBe(`${DIRECTORY}/damaged-1`);
    const moved = subject.disk.paths().filter((path) => path.startsWith(`${DIRECTORY}/damaged-1/`));
    expect(moved.map((path) => path.slice(DIRECTORY.length + 11)).sort()).toEqual(
      [
        ...[name(11, 'base.rdb'), name(12), name(12, 'index'), name(5), name(5, 'index')],
        ...[name(6), name(10), name(10, 'index'), name(9, 'index'), 'appendonly.aof.manifest'],
      ].sort(),
    );
    await using log = await opened(subject);
    expect(log.found).toMatchObject({ offset: 1033, history: { id: 'c'.repeat(40) }, dropped: 0 });
  });

  it('of the live history is all of it, where another base is whole', async () => {
    const subject = await closed();
    spoil(subject, name(4, 'base.rdb'), 3, 2);
    const before = await contentsOf(await closed());
    expect((await repaired(subject)).lost).toEqual([]);
    expect(await contentsOf(subject)).toEqual(before);
    await using log = await opened(subject);
    expect(log.lowest).toBe(1212);
  });

  it('begins at the base after the damage, where none before it is whole', async () => {
    const subject = await closed();
    spoil(subject, name(4, 'base.rdb'), 3, 2);
    spoil(subject, name(5), 70, 2);
    const { lost } = await repaired(subject);
    expect(lost.map(({ from, to }) => [from.offset, to.offset])).toEqual([[1000, 1212]]);
    expect((await contentsOf(subject)).get(LIVE)).toHaveLength(160);
  });

  it('of a past segment ends before the damage, where a whole base leads there', async () => {
    const subject = await closed();
    spoil(subject, name(3), 30, 2);
    const { lost } = await repaired(subject);
    expect(lost.map(({ from, to }) => [from.offset, to.offset])).toEqual([[97, 109]]);
    expect([...(await contentsOf(subject)).keys()]).toEqual([1, 3, LIVE]);
  });

  it('of a past segment without a whole base is nothing', async () => {
    const subject = await closed();
    spoil(subject, name(1, 'base.rdb'), 3, 2);
    const { lost } = await repaired(subject);
    expect(lost.map(({ from, to }) => [from.offset, to.offset])).toEqual([[50, 109]]);
    expect([...(await contentsOf(subject)).keys()]).toEqual([3, LIVE]);
  });

  it('where two files are damaged ends at the first of them', async () => {
    const subject = await closed();
    for (const sequence of [10, 12]) spoil(subject, name(sequence), 25, 2);
    const { lost } = await repaired(subject);
    expect(lost.map(({ from }) => from.offset)).toEqual([1198]);
  });

  it('has the times that are left, where an index is made anew', async () => {
    const subject = await closed();
    const index = `${INNER}/${name(5, 'index')}`;
    subject.disk.flipBit(index, 64 * 3 + 5, 0);
    const times = timesIn(subject.disk.peek(index)).toSpliced(3, 1);
    await repaired(subject);
    const made = subject.disk.paths().find((path) => path.endsWith('.13.index'))!;
    expect(new Set(timesIn(subject.disk.peek(made)))).toEqual(new Set(times));
  });

  function timesIn(index: Uint8Array): number[] {
    const records = Buffer.from(index);
    return Array.from({ length: index.length / 64 }, (_, i) =>
      Number(records.readBigUInt64LE(i * 64 + 24)),
    );
  }
});

describe('nothing is changed', () => {
  const refused: [what: string, damage: (subject: Subject) => unknown, message: RegExp][] = [
    [
      'where no base of the live history is whole',
      (subject) => {
        for (const sequence of [4, 11]) spoil(subject, `appendonly.aof.${sequence}.base.rdb`, 3, 2);
      },
      /no base .* is whole.*Put a copy of it back/,
    ],
    [
      'where more than a byte of the manifest is another',
      ({ disk }) => {
        for (const place of [150, 250]) disk.flipBit(`${INNER}/appendonly.aof.manifest`, place, 0);
      },
      /put a copy of it back/,
    ],
    [
      'where the manifest is not all that is damaged',
      (subject) => {
        subject.disk.flipBit(`${INNER}/appendonly.aof.manifest`, 150, 0);
        spoil(subject, 'appendonly.aof.5.incr.aof', 70, 2);
      },
      /the manifest is not all that is damaged/,
    ],
  ];

  it.each(refused)('%s, and it is said why', async (_, damage, message) => {
    const subject = await closed();
    await damage(subject);
    const before = subject.files();
    const report = await repair(subject.disk.process, DIRECTORY);
    expect(report).toMatchObject({ done: [], lost: [], refused: expect.stringMatching(message) });
    expect(report.findings.length).toBeGreaterThan(0);
    expect(subject.files()).toEqual(before);
  });

  it('where nothing is wrong', async () => {
    const subject = await closed();
    const before = subject.files();
    const report = await repair(subject.disk.process, DIRECTORY);
    expect(report).toEqual({ findings: [], done: [], lost: [] });
    expect(subject.files()).toEqual(before);
  });

  it('where another process has the directory', async () => {
    const subject = await fullSubject();
    const before = subject.files();
    await expect(repair(subject.disk.process, DIRECTORY)).rejects.toThrow(
      expect.objectContaining({ code: 'LOCKED' }),
    );
    expect(subject.files()).toEqual(before);
  });
});

describe('a repair that is cut short', () => {
  /** Damage that makes a repair do everything that one may: correct, cut, drop, and make anew. */
  async function damaged(): Promise<Subject> {
    const subject = await closed();
    const flipped = { '5.index': 70, '6.incr.aof': 2, '4.base.rdb': 3, '5.incr.aof': 70 };
    for (const [name, place] of Object.entries(flipped)) {
      subject.disk.flipBit(`${INNER}/appendonly.aof.${name}`, place, 0);
    }
    for (const sequence of [3, 10]) spoil(subject, `appendonly.aof.${sequence}.incr.aof`, 30, 2);
    return subject;
  }

  it.each([
    ['a process that ends', 'process'],
    ['a power cut', 'power'],
  ] as const)('by %s is done by the next', async (_, kind) => {
    const whole = await contentsOf(await closed());
    const subject = await damaged();
    const expected = await repairedContents(subject.copy());
    for (let operation = 1; ; operation++) {
      const copy = subject.copy();
      if (!(await crashesAt(copy, operation, kind))) break;
      const { done } = await repair(copy.disk.process, DIRECTORY);
      const isDone = done.length === 0;
      const { findings } = await check(copy.disk.process, DIRECTORY);
      const errors = findings.filter(({ severity }) => severity === 'error');
      expect(errors, `operation ${operation}, ${isDone}`).toEqual([]);
      expect(await contentsOf(copy), `operation ${operation}`).toEqual(expected);
    }
    expect(whole.get(LIVE)?.startsWith(expected.get(LIVE)!)).toBe(true);
  });

  it('by a disk that fails is taken back, or has been done', async () => {
    const subject = await damaged();
    const expected = await repairedContents(subject.copy());
    let [failed, takenBack] = [0, 0];
    for (let operation = 1; ; operation++) {
      const copy = subject.copy();
      const before = copy.files();
      const outcome = await failsAt(copy, operation);
      if (outcome === undefined) break;
      if (outcome instanceof Error) {
        failed++;
        const now = copy.files();
        const isAsBefore = [...before].every(
          ([path, bytes]) => now.has(path) && Buffer.compare(now.get(path)!, bytes) === 0,
        );
        if (isAsBefore) takenBack++;
      }
      await repair(copy.disk.process, DIRECTORY);
      expect(await contentsOf(copy), `operation ${operation}`).toEqual(expected);
    }
    expect([failed > 50, takenBack > 50]).toEqual([true, true]);
  });

  async function repairedContents(subject: Subject): Promise<Map<number, string>> {
    await repaired(subject);
    return contentsOf(subject);
  }

  /** Whether it came to that. */
  async function crashesAt(
    { disk }: Subject,
    operation: number,
    kind: 'process' | 'power',
  ): Promise<boolean> {
    let left = operation;
    disk.onOperation = () => {
      if (--left === 0) disk.crash(kind);
    };
    await repair(disk.process, DIRECTORY).catch(() => {});
    disk.onOperation = undefined;
    return left <= 0;
  }

  /** What came of it; undefined where it has no such operation. */
  async function failsAt({ disk }: Subject, operation: number): Promise<unknown> {
    let left = operation;
    disk.onOperation = () => {
      if (--left === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    };
    const outcome = await repair(disk.process, DIRECTORY).catch((error: Error) => error);
    disk.onOperation = undefined;
    disk.crash('process');
    return left <= 0 ? outcome : undefined;
  }
});

async function crashed({ disk, log }: Subject, kind: 'process' | 'power'): Promise<void> {
  await log.sync();
  disk.crash(kind);
}

async function leftBy(leave: (subject: Subject) => Promise<void>): Promise<Subject> {
  const subject = await fullSubject();
  await leave(subject);
  return subject;
}

function closed(): Promise<Subject> {
  return leftBy((subject) => subject.log.close());
}

async function tryAll(
  subject: Subject,
  samples: number,
  damage: (copy: Subject, path: string, place: number) => Promise<void>,
): Promise<void> {
  const before = await contentsOf(subject.copy());
  const seed = runSeed();
  const random = randomFrom(seed);
  const files = [...subject.files()].filter(([path]) => !path.endsWith('.cursor'));
  for (let i = 0; i < samples; i++) {
    const [path, bytes] = random.pick(files);
    const place = random.integer(0, bytes.length - 1);
    const copy = subject.copy();
    await damage(copy, path, place);
    await expectRepaired(copy, before, `FOREBAY_SEED=${seed}: ${path}, byte ${place}`);
  }
}

/** Whatever is damaged: either nothing is changed, or the log goes on with a beginning of what it had. */
async function expectRepaired(
  subject: Subject,
  before: ReadonlyMap<number, string>,
  what: string,
): Promise<void> {
  const { process } = subject.disk;
  const damaged = subject.files();
  const report = await repair(process, DIRECTORY);
  if (report.refused !== undefined) {
    expect(subject.files(), what).toEqual(damaged);
    return;
  }
  const left = (await check(process, DIRECTORY)).findings;
  expect(
    left.filter(({ severity }) => severity === 'error'),
    what,
  ).toEqual([]);
  expectNothingDeleted(damaged, subject, report.done.join(), what);
  for (const [number, text] of await contentsOf(subject)) {
    expect(before.get(number)!.startsWith(text), what).toBe(true);
  }
}
