import { describe, expect, it } from 'vitest';
import { inspect } from '../src/index.ts';
import { DIRECTORY, fullSubject, INNER, PING, SET, Subject } from './check-subject.ts';

const START = 1_700_000_000_000;
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(40));

describe('what is held', () => {
  it('is listed, oldest first, with what a full resync replaced and what was rewound', async () => {
    const { disk } = await fullSubject();
    const { segments, ...others } = await inspect(disk.process, DIRECTORY);
    expect(segments.map(({ number, state, from, to }) => [number, state, from, to])).toEqual([
      [1, 'replaced', 50, 109],
      [3, 'rewound', 1198, 1245],
      [2, 'live', 1000, 1372],
    ]);
    const [replaced, rewound, live] = segments;
    expect(replaced).toEqual({
      ...{ number: 1, state: 'replaced', ids: [{ id: B, from: 50 }], from: 50, to: 109 },
      ...{ first: START, last: START + 600, ended: START + 900, reason: 'a test' },
      bases: [{ file: 'appendonly.aof.1.base.rdb', offset: 50, bytes: 18, time: START }],
      increments: [
        {
          ...{ file: 'appendonly.aof.2.incr.aof', index: 'appendonly.aof.2.index' },
          ...{ from: 50, to: 97, database: 2, bytes: 70 + 320, first: START, last: START + 300 },
        },
        {
          ...{ file: 'appendonly.aof.3.incr.aof', index: 'appendonly.aof.3.index' },
          ...{ from: 97, to: 109, database: 2, bytes: 35 + 192 },
          ...{ first: expect.any(Number), last: START + 600 },
        },
      ],
      bytes: 18 + 70 + 320 + 35 + 192,
    });
    expect(rewound).toMatchObject({ bases: [], reason: 'a step back from 1245 to 1198' });
    expect(live).toMatchObject({
      ids: [
        { id: A, from: 1000 },
        { id: C, from: 1198 },
      ],
      bases: [{ offset: 1000 }, { offset: 1212 }],
      increments: [{ to: 1165 }, { to: 1198 }, { to: 1212 }, { to: 1372 }],
    });
    expect(live?.ended).toBeUndefined();
    const sizes = disk.paths().filter((path) => /\.(rdb|aof|index)$/.test(path));
    const bytes = sizes.reduce((sum, path) => sum + disk.peek(path).length, 0);
    const { free } = await disk.space(DIRECTORY);
    expect(others).toMatchObject({ directory: DIRECTORY, files: sizes.length, bytes, free });
  });

  it('is listed by a process that may only read, and that opens nothing for long', async () => {
    const subject = await fullSubject();
    await subject.log.close();
    const before = subject.files();
    subject.disk.readOnly = true;
    await inspect(subject.disk.process, DIRECTORY);
    expect(subject.files()).toEqual(before);
    expect([subject.disk.openFiles, subject.disk.heldLocks]).toEqual([0, 0]);
  });

  it('is of one moment, while the log is written to', async () => {
    const subject = await new Subject().open();
    await subject.begin(0);
    let isOver = false;
    const gaps: unknown[] = [];
    let looks = 0;
    const looking = (async () => {
      while (!isOver) {
        const { segments } = await inspect(subject.disk.process, DIRECTORY);
        looks++;
        for (const { increments } of segments) {
          if (increments.some(({ bytes }) => bytes === undefined)) gaps.push(segments);
        }
      }
    })();
    for (let i = 0; i < 2000; i++) {
      await subject.appendAtOnce(SET);
      if (i % 100 === 0) await subject.log.rotate();
      if (i % 100 === 25) await subject.stepBack(subject.log.written - SET.length);
      if (i % 100 === 50) await subject.begin(i);
      if (i % 100 === 75) await subject.log.retain({ size: 0 });
    }
    isOver = true;
    await looking;
    expect(looks).toBeGreaterThan(10);
    expect(gaps).toEqual([]);
  });

  it('tells which file is not there', async () => {
    const { disk } = await fullSubject();
    await disk.remove(`${INNER}/appendonly.aof.4.base.rdb`);
    await disk.remove(`${INNER}/appendonly.aof.5.index`);
    const { segments } = await inspect(disk.process, DIRECTORY);
    expect(segments[2]?.bases[0]).not.toHaveProperty('bytes');
    expect(segments[2]?.increments[0]).not.toHaveProperty('bytes');
    expect(segments[2]?.increments[0]).not.toHaveProperty('first');
  });
});

describe('a cursor', () => {
  it('is listed with its state, and how much it has still to read', async () => {
    const subject = await new Subject().open();
    const { log } = subject;
    await subject.begin(100);
    await subject.append(SET);
    await log.cursor('old', { id: A!, offset: 100 });
    await subject.begin(500, 0, B);
    for (const bytes of [SET, SET, PING]) await subject.append(bytes);
    await log.cursor('end');
    await log.cursor('middle', { id: B!, offset: 500 + SET.length });
    const rewound = await log.cursor('rewound');
    await subject.stepBack(500 + SET.length);
    await log.setHistory({ id: C!, secondId: B!, secondIdLimit: 0 });
    await subject.append(PING);
    subject.disk.poke(`${DIRECTORY}/cursors/broken.cursor`, PING);
    subject.disk.poke(
      `${DIRECTORY}/cursors/ahead.cursor`,
      Buffer.from(`# forebay-cursor 1\nposition ${C}:9999\nsegment 2\n`),
    );
    subject.disk.poke(
      `${DIRECTORY}/cursors/lost.cursor`,
      Buffer.from(`# forebay-cursor 1\nposition ${'d'.repeat(40)}:1\nsegment 9\n`),
    );
    const { cursors } = await inspect(subject.disk.process, DIRECTORY);
    const live = SET.length + PING.length;
    const states = cursors.map(({ name, state, behind }) => [name, state, behind]);
    expect(states).toEqual([
      ['ahead', 'ahead', 0],
      ['broken', 'damaged', undefined],
      ['end', 'rewound', PING.length],
      ['lost', 'lost', undefined],
      ['middle', 'readable', PING.length],
      ['old', 'readable', SET.length + live],
      ['rewound', 'rewound', PING.length],
    ]);
    expect(cursors.find(({ name }) => name === 'rewound')?.position).toEqual(rewound.position);
  });
});

describe('what a cursor reads next', () => {
  it('has the time of its arrival, by the index', async () => {
    const subject = await new Subject().open();
    const { log, clock } = subject;
    await subject.begin(100);
    const arrivals: number[] = [];
    for (let i = 0; i < 5; i++) {
      arrivals.push(clock.now());
      await subject.append(SET);
    }
    await log.rotate();
    await subject.append(SET);
    for (let i = 0; i < 5; i++) {
      await log.cursor(`at-${i}`, { id: A!, offset: 100 + i * SET.length });
    }
    await log.cursor('end');
    const { cursors } = await inspect(subject.disk.process, DIRECTORY);
    const times = cursors.map(({ name, next }) => [name, next]);
    expect(times).toEqual([...arrivals.map((time, i) => [`at-${i}`, time]), ['end', undefined]]);
  });

  it('has none where the index is damaged there: that is for check', async () => {
    const subject = await new Subject().open();
    await subject.begin(100);
    for (let i = 0; i < 3; i++) await subject.append(SET);
    await subject.log.cursor('reader', { id: A!, offset: 100 });
    await subject.log.close();
    const index = subject.disk.paths().find((path) => path.endsWith('.index'))!;
    const bytes = Buffer.from(subject.disk.peek(index));
    subject.disk.poke(index, bytes.fill(7, 64));
    const { cursors } = await inspect(subject.disk.process, DIRECTORY);
    expect(cursors).toMatchObject([{ name: 'reader', state: 'readable', behind: 3 * SET.length }]);
    expect(cursors[0]).not.toHaveProperty('next');
  });
});

describe('a directory without a log', () => {
  it('is told, and one that is not there as well', async () => {
    const { disk } = new Subject();
    await disk.makeDirectory('/empty');
    await expect(inspect(disk.process, '/empty')).rejects.toThrow(
      expect.objectContaining({
        code: 'FOREIGN',
        message: '/empty holds no log: the directory is empty',
      }),
    );
    await expect(inspect(disk.process, '/nowhere')).rejects.toThrow(
      expect.objectContaining({ message: '/nowhere holds no log: no such directory' }),
    );
  });
});
