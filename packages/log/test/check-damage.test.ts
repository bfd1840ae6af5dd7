import { encodeCommand } from '@forebay/resp';
import { randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { readManifest } from '../src/directory/open-directory.ts';
import type { Finding, LogItem, RepairReport } from '../src/index.ts';
import { check, planRestore } from '../src/index.ts';
import { startOf } from '../src/manifest/manifest.ts';
import { contentsOf, DIRECTORY, INNER, PING, SET, Subject, TRANSACTION } from './check-subject.ts';
import { collect } from './directories.ts';
import { expectNothingDeleted, opened, repaired, spoil } from './repairing.ts';

describe('damage that no bit explains', () => {
  const name = (sequence: number, kind = 'incr.aof') => `appendonly.aof.${sequence}.${kind}`;

  /** A segment with two bases and an increment for each; spans of some commands. */
  async function twoBases(seed: number): Promise<{ subject: Subject; stream: string }> {
    const random = randomFrom(seed);
    const subject = await new Subject(seed).open();
    await subject.begin(1000);
    await subject.log.cursor('first');
    const parts: string[] = [];
    const append = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const value = String(random.integer(0, 1e9)).repeat(random.integer(1, 30));
        const command = random.pick([PING, TRANSACTION, encodeCommand(['SET', `k${i}`, value])]);
        parts.push(textOf(command));
        await subject.append(command);
      }
    };
    await append(12);
    await subject.log.rotate();
    await append(12);
    await subject.addBase();
    await append(12);
    await subject.addBase();
    await append(6);
    await subject.log.cursor('last');
    await subject.log.close();
    return { subject, stream: parts.join('') };
  }

  it('costs the damaged span alone, where a base follows: both sides of it are read and restored', async () => {
    const { subject, stream } = await twoBases(7);
    const { disk } = subject;
    const path = `${INNER}/${name(2)}`;
    const size = disk.peek(path).length;
    spoil(subject, name(2), Math.floor(size / 2), 8);
    const { done, lost } = await repaired(subject);
    expect(lost).toHaveLength(1);
    const [{ from, to }] = lost as [RepairReport['lost'][number]];
    expect(done.join()).toContain(`gave up offsets ${from.offset + 1} to ${to.offset}`);
    expect(to.offset - from.offset).toBeLessThan(400);
    expect((await check(disk.process, DIRECTORY)).findings).toEqual([]);
    await using log = await opened(subject);
    expect(log.written).toBe(1000 + stream.length);
    const before = { id: from.id, offset: 1000 };
    const items: LogItem[] = [];
    for await (const item of log.read(before, { follow: false })) items.push(item);
    const reset = items.find(({ type }) => type === 'reset');
    expect(reset).toMatchObject({
      from: { offset: from.offset },
      reason: `damage at offsets ${from.offset + 1} to ${to.offset} was given up`,
    });
    const inside = { id: log.history!.id, offset: from.offset + 1 };
    const told: LogItem[] = [];
    for await (const item of log.read(inside, { follow: false })) told.push(item);
    expect(told.slice(0, 2)).toMatchObject([
      { type: 'rewound', to: { offset: from.offset } },
      { type: 'reset', from: { offset: from.offset } },
    ]);
    const after = { id: log.history!.id, offset: to.offset };
    const rest = await collect(log.read(after, { follow: false }));
    expect(rest).toBe(stream.slice(to.offset - 1000));
    for (const offset of [1000, from.offset, 1000 + stream.length]) {
      await using plan = await planRestore(disk.process, DIRECTORY, {
        position: { id: log.history!.id, offset },
      });
      expect(plan.position.offset).toBe(offset);
    }
  });

  it('leaves, wherever it is, what is held as it was', async () => {
    const seed = runSeed();
    let [gaps, kept, all] = [0, 0, 0];
    for (let i = 0; i < 40; i++) {
      const { subject, stream } = await twoBases(seed + i);
      const random = randomFrom(seed + i);
      const { disk } = subject;
      const files = [...subject.files()].filter(([path]) => path.endsWith('incr.aof'));
      const told: string[] = [];
      for (let damages = random.integer(1, 3); damages > 0; damages--) {
        const [path, bytes] = random.pick(files);
        const place = random.integer(23, bytes.length - 2);
        const length = random.pick([2, 40, 200, 4096]);
        const changed = Uint8Array.from(disk.peek(path));
        changed.fill(0, place, place + length);
        disk.poke(path, changed);
        told.push(`${path}, ${length} zeros from ${place}`);
      }
      const what = `FOREBAY_SEED=${seed + i}: ${told.join('; ')}`;
      const damaged = subject.files();
      const { done } = await repaired(subject);
      expectNothingDeleted(damaged, subject, done.join(), what);
      expect((await check(disk.process, DIRECTORY)).findings.filter(isError), what).toEqual([]);
      const manifest = (await readManifest(disk.process, DIRECTORY))!;
      const contents = await contentsOf(subject);
      await using log = await opened(subject);
      for (const segment of [...manifest.past, manifest.live]) {
        const start = startOf(segment);
        const text = contents.get(segment.number)!;
        expect(stream.slice(start - 1000).startsWith(text), what).toBe(true);
        kept += text.length;
        const [base] = segment.bases;
        const end = start + text.length;
        for (const offset of [base!.offset, end]) {
          const position = { id: log.history!.id, offset };
          await using plan = await planRestore(disk.process, DIRECTORY, { position });
          expect(plan.parts.at(-1)!.to, what).toBe(plan.position.offset);
          expect(plan.position.offset, what).toBe(offset);
        }
      }
      all += stream.length;
      gaps += manifest.past.length;
    }
    expect(gaps).toBeGreaterThan(5);
    expect(kept / all).toBeGreaterThan(0.4);
  });

  it('in a segment of the past costs what comes after it in that segment', async () => {
    const { subject } = await twoBases(3);
    await subject.open();
    await subject.begin(5000);
    await subject.append(SET);
    await subject.log.close();
    spoil(subject, name(2), 300, 8);
    const { lost, done } = await repaired(subject);
    expect(done.join()).toMatch(/segment 1 of the past ends at offset \d+ now/);
    expect(lost).toHaveLength(1);
    expect([...(await contentsOf(subject)).keys()]).toEqual([1, 2]);
  });

  function isError({ severity }: Finding): boolean {
    return severity === 'error';
  }
});
