import { encodeCommand } from '@forebay/resp';
import { concatBytes, randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { ClockStep } from '../src/index.ts';
import { planRestore } from '../src/index.ts';
import { A, B } from './directories.ts';
import { DIRECTORY, Recording, rdbOf } from './restoring.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'value']);
const HALF = SET.length - 5;
/** Milliseconds after which what arrives is a span of its own. */
const APART = 300;

const offsetAt = async ({ process }: Recording, time: number) => {
  await using plan = await planRestore(process, DIRECTORY, { time });
  return plan.position.offset;
};

describe('a time', () => {
  it('is gone back to at the last command that had arrived whole', async () => {
    const recording = await Recording.begun();
    const { clock } = recording;
    const began = clock.now();
    clock.advance(APART);
    const first = clock.now();
    await recording.append(SET);
    clock.advance(APART);
    const half = clock.now();
    await recording.append(SET.subarray(0, HALF));
    clock.advance(APART);
    const whole = clock.now();
    await recording.append(SET.subarray(HALF), PING);
    const end = recording.position.offset;

    expect(await offsetAt(recording, began)).toBe(0);
    expect(await offsetAt(recording, first - 1)).toBe(0);
    expect(await offsetAt(recording, first)).toBe(SET.length);
    expect(await offsetAt(recording, half)).toBe(SET.length);
    expect(await offsetAt(recording, whole - 1)).toBe(SET.length);
    expect(await offsetAt(recording, whole)).toBe(end);
    const last = new Date(whole).toISOString();
    await expect(offsetAt(recording, whole + 1)).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_COVERED', message: expect.stringContaining(last) }),
    );
  });

  it('is never one at which anything had yet to come, though it came soon after', async () => {
    const recording = await Recording.begun();
    const { clock } = recording;
    const arrived: [time: number, offset: number][] = [[clock.now(), 0]];
    for (let i = 0; i < 60; i++) {
      await recording.append(SET);
      arrived.push([clock.now(), recording.position.offset]);
      clock.advance(35);
    }
    for (const [i, [time]] of arrived.entries()) {
      const latest = arrived.findLast(([each]) => each <= time)![1];
      const sure = arrived.findLast(([each]) => each <= time - APART)?.[1] ?? 0;
      const offset = await offsetAt(recording, time);
      expect(offset, `of append ${i}`).toBeLessThanOrEqual(latest);
      expect(offset, `of append ${i}`).toBeGreaterThanOrEqual(sure);
    }
  });

  it('before the first base is refused, with the time from which on there is something', async () => {
    const recording = await Recording.begun();
    const since = new Date(recording.clock.now()).toISOString();
    await expect(offsetAt(recording, recording.clock.now() - 1)).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_COVERED', message: expect.stringContaining(since) }),
    );
  });

  it('never includes writes that arrived later, or may have, after steps of the clock', async () => {
    const seed = runSeed();
    for (let run = 0; run < 30; run++) {
      const random = randomFrom(seed + run);
      const recording = await Recording.begun();
      const { clock } = recording;
      const arrived: [time: number, offset: number][] = [[clock.now(), 0]];
      for (let i = 0; i < 30; i++) {
        const jump = random.pick([0, 0, 0, 0, -20_000, 5000, 20_000]);
        clock.jump(jump);
        clock.advance(random.integer(APART, 3000));
        await recording.append(SET);
        arrived.push([clock.now(), recording.position.offset]);
        if (random.integer(0, 9) === 0) await recording.log.rotate();
        if (random.integer(0, 9) === 0) await recording.addBase(recording.position.offset);
        if (random.integer(0, 9) === 0) await recording.log.sync();
      }
      for (const [time] of arrived.slice(1)) {
        const next = arrived.findIndex(([each]) => each > time);
        const before = next < 0 ? arrived : arrived.slice(0, next);
        const latest = Math.max(...before.map(([each]) => each));
        const where = `FOREBAY_SEED=${seed + run}`;
        if (before.length === 0) {
          await expect(offsetAt(recording, time), where).rejects.toThrow(/which covers/);
        } else if (next < 0 && time > latest) {
          await expect(offsetAt(recording, time), where).rejects.toThrow(/last byte arrived/);
        } else {
          const expected = before.findLast(([each]) => each === latest)![1];
          expect(await offsetAt(recording, time), where).toBe(expected);
        }
      }
    }
  });

  it('of writes after a step back of the clock is uncertain until the clock has caught up', async () => {
    const recording = await Recording.begun();
    const { clock, log } = recording;
    await recording.append(SET);
    clock.advance(3_600_000);
    const noon = clock.now();
    await recording.append(SET);
    const held = recording.position.offset;
    clock.jump(-3_600_000);
    clock.advance(APART);
    await recording.append(SET);
    await log.rotate();
    clock.advance(1_800_000);
    await recording.append(SET);
    const half = clock.now();
    expect(half).toBeLessThan(noon);
    // By its own clock the last write came at that time, and by the order after a later one.
    expect(await offsetAt(recording, half)).toBe(SET.length);
    expect(await offsetAt(recording, noon - 1)).toBe(SET.length);
    expect(await offsetAt(recording, noon)).toBe(held);
    const leavesOut = async (time: number) => {
      await using plan = await planRestore(recording.process, DIRECTORY, { time });
      return plan.leavesOut;
    };
    expect(await leavesOut(noon - 3_600_000)).toBe(false);
    expect([await leavesOut(half), await leavesOut(noon)]).toEqual([true, true]);
    await expect(offsetAt(recording, noon + 1)).rejects.toThrow(/last byte arrived/);
    clock.advance(3_600_000);
    await recording.append(SET);
    expect(await offsetAt(recording, clock.now() - 1)).toBe(held);
    expect(await offsetAt(recording, clock.now())).toBe(recording.position.offset);
    expect([await leavesOut(half), await leavesOut(clock.now())]).toEqual([true, false]);
  });

  it('is in the history before the clock stepped back, not in the one after it', async () => {
    const recording = await Recording.begun();
    const { clock } = recording;
    const began = clock.now();
    clock.advance(60_000);
    await recording.append(SET);
    clock.jump(-50_000);
    await recording.begin(B, 500);
    clock.advance(1000);
    await recording.append(PING);
    expect(await offsetAt(recording, clock.now())).toBe(0);
    expect(await offsetAt(recording, began + 60_000)).toBe(SET.length);
  });

  it('steps of the clock are reported once each, also by the process that opens the log next', async () => {
    const steps: ClockStep[] = [];
    const recording = await Recording.open(1, { onClockStep: (step) => steps.push(step) });
    await recording.begin(A, 0);
    const { clock } = recording;
    await recording.append(SET);
    clock.jump(-999);
    await recording.append(SET);
    expect(steps).toEqual([]);
    const first = clock.now();
    clock.jump(-1000);
    await recording.append(SET);
    await recording.append(SET);
    const second = clock.now();
    expect(steps).toEqual([{ from: first, to: second }]);
    await recording.log.close();
    clock.jump(-5000);
    await recording.reopen();
    await recording.append(SET);
    expect(steps.slice(1)).toEqual([{ from: second, to: second - 5000 }]);
  });

  it('between two histories is in the one that was held then', async () => {
    const recording = await Recording.begun();
    const { clock } = recording;
    await recording.append(SET);
    const end = recording.position;
    clock.advance(1000);
    await recording.begin(B, 500);
    const began = clock.now();
    clock.advance(1000);
    await recording.append(PING);
    for (const [time, position] of [
      [began - 1, end],
      [began, { id: B, offset: 500 }],
      [began + 999, { id: B, offset: 500 }],
      [began + 1000, recording.position],
    ] as const) {
      await using plan = await planRestore(recording.process, DIRECTORY, { time });
      expect(plan.position).toEqual(position);
    }
    await recording.log.retain({ size: 0 });
    await expect(offsetAt(recording, began - 1)).rejects.toThrow(/cannot be restored/);
  });

  it('of which nothing is held is not taken for an earlier one that is', async () => {
    const recording = await Recording.begun();
    const { clock, log } = recording;
    await recording.append(SET);
    await log.rotate();
    await recording.append(SET);
    const end = recording.position.offset;
    // A reader that is slow keeps the first history.
    const reader = log.read({ id: recording.position.id, offset: 0 });
    await reader.next();
    clock.advance(1000);
    await recording.begin(B, 500);
    clock.advance(1000);
    await recording.append(PING);
    const time = clock.now();
    clock.advance(1000);
    await recording.addBase(recording.position.offset);
    await log.retain({ size: 0 });
    await expect(offsetAt(recording, time)).rejects.toThrow(/cannot be restored/);
    expect(await offsetAt(recording, time - 1001)).toBe(end);
    await reader.return();
  });

  it('reached is that of the last byte, or of the base where nothing follows it', async () => {
    const recording = await Recording.begun();
    const { clock } = recording;
    const began = clock.now();
    clock.advance(APART);
    await recording.append(SET);
    const arrived = clock.now();
    clock.advance(APART);
    await recording.append(PING.subarray(0, 5));
    for (const [offset, time] of [
      [0, began],
      [SET.length, arrived],
      [SET.length + 5, arrived],
    ] as const) {
      const position = { id: recording.position.id, offset };
      await using plan = await planRestore(recording.process, DIRECTORY, { position });
      expect(plan.time).toBe(time);
    }
  });
});

describe('relative times', () => {
  const EXPIRE = encodeCommand(['EXPIRE', 'key', '10']);
  const until = (time: number) => encodeCommand(['PEXPIREAT', 'key', String(time + 10_000)]);

  async function expiring(rdb: Uint8Array) {
    const recording = await Recording.begun(0, 0, rdb);
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      recording.clock.advance(1000 * (i + 1));
      times.push(recording.clock.now());
      await recording.append(SET, EXPIRE);
      if (i === 1) await recording.log.rotate();
    }
    await recording.append(encodeCommand(['EVAL', 'return 1', '0']));
    return { recording, times };
  }

  it.each([
    ['that says so', rdbOf('6.0.16', 9)],
    ['that says nothing', rdbOf('?', 9, 'nothing')],
    ['of the first of the kind', rdbOf('2.8.0', 6)],
  ])('after a base of Redis before 7.0 %s go by when they arrived', async (_, rdb) => {
    const { recording, times } = await expiring(rdb);
    const expected = times.flatMap((time) => [SET, until(time)]);
    for (const single of [false, true]) {
      const { stream, changed, scripts } = await recording.restored(undefined, single);
      const commands = stream.replaceAll(textOf(encodeCommand(['SELECT', '0'])), '');
      expect(commands).toMatch(textOf(concatBytes(expected)));
      expect([changed, scripts]).toEqual([3, 1]);
    }
  });

  it.each([
    ['Redis 7', rdbOf('7.0.15', 10)],
    ['Redict', rdbOf('7.3.6')],
    ['Valkey', rdbOf('8.0.1', 11, 'valkey-ver')],
    ['whoever wrote an RDB as new', rdbOf('?', 10, 'nothing')],
  ])('there are none after a base of %s', async (_, rdb) => {
    const { recording } = await expiring(rdb);
    const { stream, changed } = await recording.restored();
    const script = encodeCommand(['EVAL', 'return 1', '0']);
    const typed = [SET, EXPIRE, SET, EXPIRE, SET, EXPIRE, script];
    expect(stream).toBe(textOf(concatBytes(typed)));
    expect(changed).toBe(0);
  });
});
