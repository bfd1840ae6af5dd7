import { bytesOf, randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../src/index.ts';
import { check, Log } from '../src/index.ts';
import { checksumLine } from '../src/manifest/format.ts';
import { DIRECTORY, fullSubject, INNER, PING, SET, Subject, TRANSACTION } from './check-subject.ts';
import { SimulatedLog } from './model/simulated-log.ts';

const MANIFEST = `${INNER}/appendonly.aof.manifest`;

async function findingsOf({ disk }: Subject): Promise<readonly Finding[]> {
  return (await check(disk.process, DIRECTORY)).findings;
}

function errorsOf(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ severity }) => severity === 'error');
}

async function closedSubject(): Promise<Subject> {
  const subject = await fullSubject();
  await subject.log.close();
  return subject;
}

/** A small log with one file, open. */
async function smallSubject(seed?: number): Promise<Subject> {
  const subject = await new Subject(seed).open();
  await subject.begin(10);
  return subject;
}

/** Edited by one who knows the checksum. */
function signed(text: string): string {
  const lines = text.replace(/# crc32 .*\n$/, '');
  return `${lines}${checksumLine(lines)}\n`;
}

describe('a log that nothing has happened to', () => {
  it('has no findings, while it is open and after', async () => {
    const subject = await fullSubject();
    expect(await findingsOf(subject)).toEqual([]);
    await subject.log.close();
    const report = await check(subject.disk.process, DIRECTORY);
    expect(report.findings).toEqual([]);
    expect(report.counts).toEqual({ files: 17, bytes: 532, commands: 19, spans: 13 });
  });

  it('is read only, by a process that may only read', async () => {
    const subject = await closedSubject();
    const before = subject.files();
    subject.disk.readOnly = true;
    expect(await findingsOf(subject)).toEqual([]);
    expect(subject.files()).toEqual(before);
    expect([subject.disk.openFiles, subject.disk.heldLocks]).toEqual([0, 0]);
  });

  it('has none while it is appended to, rotated, rewound and replaced', async () => {
    const subject = await smallSubject();
    let isOver = false;
    const findings: Finding[] = [];
    const checks = (async () => {
      while (!isOver) findings.push(...errorsOf(await findingsOf(subject)));
    })();
    for (let i = 0; i < 60; i++) {
      for (const bytes of [SET, TRANSACTION, SET.subarray(0, 9), SET.subarray(9)]) {
        await subject.appendAtOnce(bytes);
      }
      if (i % 5 === 0) await subject.log.rotate();
      if (i % 7 === 0) await subject.addBase();
      if (i % 9 === 0) await subject.stepBack(subject.log.written - SET.length);
      if (i % 20 === 19) await subject.begin(i);
      if (i % 10 === 0) await subject.log.retain({ size: 2000 });
    }
    isOver = true;
    await checks;
    expect(findings).toEqual([]);
  });

  it('tells how far it has come', async () => {
    const subject = await closedSubject();
    const told: number[] = [];
    const { counts } = await check(subject.disk.process, DIRECTORY, ({ read, total }) => {
      expect(read).toBeLessThanOrEqual(total);
      told.push(read);
    });
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(counts.bytes);
  });
});

it('finds no damage in whatever a log may come to, crashes included', async () => {
  const seed = runSeed();
  for (let i = 0; i < 60; i++) {
    const log = new SimulatedLog(randomFrom(seed + i));
    for (let step = 0; step < 40; step++) {
      await log.step();
      if (!log.disk.paths().includes(MANIFEST)) continue;
      const { onOperation } = log.disk;
      log.disk.onOperation = undefined;
      const { findings } = await check(log.disk.process, DIRECTORY);
      const story = `FOREBAY_SEED=${seed + i}:\n${log.story.join('\n')}`;
      expect(errorsOf(findings), story).toEqual([]);
      log.disk.onOperation = onOperation;
    }
  }
});

describe('a flipped bit', () => {
  it('is found wherever it is, and its byte is named; in an index, its record', async () => {
    const subject = await closedSubject();
    const missed: string[] = [];
    for (const [path, bytes] of subject.files()) {
      if (path.endsWith('.cursor')) continue;
      for (let place = 0; place < bytes.length; place++) {
        subject.disk.flipBit(path, place, place % 8);
        const findings = await findingsOf(subject);
        subject.disk.flipBit(path, place, place % 8);
        const named = path.endsWith('.index') ? place - (place % 64) : place;
        const [first, ...others] = findings;
        const isFound =
          `${DIRECTORY}/${first?.file}` === path &&
          first?.severity === 'error' &&
          first.place === named &&
          others.length === 0;
        if (!isFound) missed.push(`${path}, byte ${place}: ${JSON.stringify(findings)}`);
      }
    }
    expect(missed).toEqual([]);
  });

  it('in the stream is told with its offset, and in a file that is written to as well', async () => {
    const subject = await fullSubject();
    const path = `${INNER}/appendonly.aof.12.incr.aof`;
    subject.disk.flipBit(path, 60, 2);
    expect(await findingsOf(subject)).toEqual([
      {
        ...{ severity: 'error', file: 'appendonlydir/appendonly.aof.12.incr.aof', place: 60 },
        ...{ offset: 1250, what: expect.stringContaining('bit 2 of this byte') },
      },
    ]);
  });

  it('beside another one is told as the stretch that they are in', async () => {
    const subject = await closedSubject();
    const path = `${INNER}/appendonly.aof.5.incr.aof`;
    for (const place of [40, 41]) subject.disk.flipBit(path, place, 0);
    const [first, ...others] = await findingsOf(subject);
    expect(first).toMatchObject({
      file: 'appendonlydir/appendonly.aof.5.incr.aof',
      what: expect.stringMatching(/^offsets 1001 to 1033 .* \(bytes 23 to 55\)$/),
    });
    expect(others).toEqual([]);
  });
});

describe('what has been put there, or taken away', () => {
  const changes: [what: string, change: (subject: Subject) => unknown, expected: object][] = [
    [
      'a base that is gone',
      ({ disk }) => disk.remove(`${INNER}/appendonly.aof.4.base.rdb`),
      { file: 'appendonlydir/appendonly.aof.4.base.rdb', place: 0, severity: 'error' },
    ],
    [
      'a file of stream that is gone',
      ({ disk }) => disk.remove(`${INNER}/appendonly.aof.5.incr.aof`),
      { file: 'appendonlydir/appendonly.aof.5.incr.aof', place: 0, severity: 'error' },
    ],
    [
      'an index that is gone',
      ({ disk }) => disk.remove(`${INNER}/appendonly.aof.10.index`),
      { file: 'appendonlydir/appendonly.aof.10.index', place: 0, severity: 'error' },
    ],
    [
      'a base that is cut',
      (subject) => cut(subject, 'appendonly.aof.4.base.rdb', 11),
      { place: 11, what: expect.stringContaining('has 11 bytes, it had 18') },
    ],
    [
      'a file of stream that is cut',
      (subject) => cut(subject, 'appendonly.aof.5.incr.aof', 100),
      { place: 100, offset: 1078, what: expect.stringMatching(/ends at offset 1077.* 1165/) },
    ],
    [
      'the last file, cut',
      (subject) => cut(subject, 'appendonly.aof.12.incr.aof', 100),
      { file: 'appendonlydir/appendonly.aof.12.incr.aof', place: 100 },
    ],
    [
      'an index that is cut',
      (subject) => cut(subject, 'appendonly.aof.5.index', 128),
      { file: 'appendonlydir/appendonly.aof.5.index', place: 128 },
    ],
    [
      'a file that is longer than its successor allows',
      (subject) => lengthen(subject, 'appendonly.aof.5.incr.aof', PING),
      { place: 188, severity: 'warning', what: expect.stringContaining('for 14 bytes') },
    ],
    [
      'a file that nothing names',
      ({ disk }) => disk.poke(`${INNER}/notes.txt`, PING),
      { file: 'appendonlydir/notes.txt', severity: 'warning' },
    ],
    [
      'a last file to which a server has appended',
      (subject) => lengthen(subject, 'appendonly.aof.12.incr.aof', SET),
      { place: 183, what: expect.stringContaining('a server has been started') },
    ],
    [
      'a cursor that is none',
      ({ disk }) => disk.poke(`${DIRECTORY}/cursors/other.cursor`, PING),
      { file: 'cursors/other.cursor', severity: 'error' },
    ],
    [
      'a cursor of what is not held',
      ({ disk }) => {
        const text = `# forebay-cursor 1\nposition ${'d'.repeat(40)}:5\nsegment 9\n`;
        disk.poke(`${DIRECTORY}/cursors/other.cursor`, bytesOf(text));
      },
      { file: 'cursors/other.cursor', severity: 'warning' },
    ],
  ];

  it.each(changes)('%s is named', async (_, change, expected) => {
    const subject = await closedSubject();
    await change(subject);
    const [first, ...others] = await findingsOf(subject);
    expect(first).toMatchObject(expected);
    expect(others).toEqual([]);
  });

  function cut({ disk }: Subject, name: string, size: number): void {
    disk.poke(`${INNER}/${name}`, disk.peek(`${INNER}/${name}`).subarray(0, size));
  }

  function lengthen({ disk }: Subject, name: string, bytes: Uint8Array): void {
    const path = `${INNER}/${name}`;
    disk.poke(path, Buffer.concat([disk.peek(path), bytes]));
  }
});

describe('a manifest', () => {
  const edits: [what: string, edit: (text: string) => string, message: RegExp][] = [
    ['of a newer forebay', (text) => text.replace('forebay-log 1', 'forebay-log 2'), /format 2/],
    [
      'that a server has rewritten',
      () => 'file appendonly.aof.2.base.rdb seq 2 type b\n',
      /a server has been started/,
    ],
    ['that was edited, but for its checksum', (text) => text.replace(/cccc/g, 'dd'), /checksum/],
    [
      'with files in the wrong order',
      (text) =>
        signed(text.replace(/(# increment .*5\.incr.*\n)(# increment .*6\.incr.*\n)/, '$2$1')),
      /6\.incr\.aof begins at offset|5\.incr\.aof begins at offset 1000, and not after/,
    ],
    [
      'with a file that is named twice',
      (text) =>
        signed(text.replace('index appendonly.aof.9.index', 'index appendonly.aof.10.index')),
      /10\.index is named twice/,
    ],
    [
      'with a base where no file begins',
      (text) => signed(text.replace('seq 4 offset 1000', 'seq 4 offset 1001')),
      /no increment starts at offset 1001/,
    ],
    [
      'with ids in the wrong order',
      (text) => signed(text.replace(/from 1000\n# id c/, 'from 1200\n# id c')),
      /begins at offset 1198, before/,
    ],
    [
      'with a database that is not the one of the stream',
      (text) => signed(text.replace('offset 1165 database 3', 'offset 1165 database 4')),
      /ends in database 3, and the next file begins in 4/,
    ],
    [
      'with a start inside of a transaction',
      (text) => signed(text.replace('seq 6 offset 1165', 'seq 6 offset 1140')),
      /not what was written|inside of a command or a transaction|more than the file is to hold/,
    ],
  ];

  it.each(edits)('%s is told by name', async (_, edit, message) => {
    const subject = await closedSubject();
    const text = Buffer.from(subject.disk.peek(MANIFEST)).toString('latin1');
    subject.disk.poke(MANIFEST, bytesOf(edit(text)));
    const findings = await findingsOf(subject);
    expect(findings.map(({ what }) => what).join('\n')).toMatch(message);
    expect(errorsOf(findings).length).toBeGreaterThan(0);
  });

  it('that is missing is a finding if other files of a log exist', async () => {
    const subject = await closedSubject();
    await subject.disk.remove(MANIFEST);
    expect(await findingsOf(subject)).toMatchObject([{ severity: 'error', place: 0 }]);
  });
});

describe('what was written wrong in the first place', () => {
  it('is found by its framing, where every checksum is right', async () => {
    const subject = await smallSubject();
    await subject.append(SET);
    const boundary = { offset: subject.log.written, database: 0 };
    await subject.log.append(bytesOf('*1\r\n$4\r\nPING\r\n*1\r\n?4\r\n'), boundary);
    await subject.log.close();
    expect(await findingsOf(subject)).toMatchObject([
      { offset: 11 + SET.length + PING.length + 4, what: expect.stringMatching(/^the command at/) },
    ]);
  });

  it('is found where a record names a place that is none', async () => {
    const subject = await smallSubject();
    await subject.log.append(TRANSACTION, { offset: 10 + 40, database: 3 });
    await subject.log.close();
    expect(await findingsOf(subject)).toMatchObject([
      {
        file: 'appendonlydir/appendonly.aof.2.index',
        what: expect.stringContaining('cannot be cut'),
      },
    ]);
  });
});

describe('after a power cut', () => {
  it('what the next start gives up is a warning, and nothing else is', async () => {
    const seed = runSeed();
    let cutShort = 0;
    for (let i = 0; i < 100; i++) {
      const subject = await smallSubject(seed + i);
      for (const bytes of [SET, TRANSACTION]) await subject.append(bytes);
      await subject.log.sync();
      for (const bytes of [PING, SET, TRANSACTION, SET, PING.subarray(0, 7)]) {
        await subject.append(bytes);
      }
      const { written } = subject.log;
      subject.disk.crash('power');
      const findings = await findingsOf(subject);
      const { process } = subject.disk;
      const log = await Log.open(DIRECTORY, { disk: process, clock: subject.clock });
      const isShort = log.found!.offset < written;
      expect(errorsOf(findings), `FOREBAY_SEED=${seed + i}`).toEqual([]);
      if (log.found!.dropped > 0) expect(findings).toHaveLength(1);
      if (isShort) cutShort++;
      await log.close();
      expect(await findingsOf(subject), `FOREBAY_SEED=${seed + i}`).toEqual([]);
    }
    expect(cutShort).toBeGreaterThan(0);
  });
});

it('an id that began in what was lost is none of what comes in its place', async () => {
  const subject = await smallSubject();
  await subject.append(SET);
  await subject.log.setHistory({ id: 'b'.repeat(40), secondId: '', secondIdLimit: -1 });
  await subject.log.close();
  const text = Buffer.from(subject.disk.peek(MANIFEST)).toString('latin1');
  subject.disk.poke(MANIFEST, bytesOf(signed(text.replace(/(b{40} from) \d+/, '$1 999'))));
  await subject.open();
  await subject.log.setHistory({ id: 'c'.repeat(40), secondId: '', secondIdLimit: -1 });
  await subject.append(PING);
  expect(await findingsOf(subject)).toEqual([]);
});

describe('a medium that does not give what it holds', () => {
  it.each([
    'appendonly.aof.4.base.rdb',
    'appendonly.aof.5.incr.aof',
    'appendonly.aof.12.incr.aof',
    'appendonly.aof.5.index',
    'appendonly.aof.manifest',
  ])('is a finding in %s, and the rest is looked at', async (name) => {
    const subject = await closedSubject();
    subject.disk.onOperation = (operation, path) => {
      if (operation === 'read' && path === `${INNER}/${name}`) {
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
      }
    };
    const findings = await findingsOf(subject);
    expect(findings[0]).toMatchObject({ file: `appendonlydir/${name}`, severity: 'error' });
    expect(new Set(findings.map(({ file }) => file)).size).toBe(1);
    expect(subject.disk.openFiles).toBe(0);
  });
});
