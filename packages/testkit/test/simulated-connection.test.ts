import { expect, it } from 'vitest';
import type { SimulatedConnection } from '../src/index.ts';
import {
  bytesOf,
  randomFrom,
  runSeed,
  SimulatedClock,
  SimulatedLink,
  textOf,
} from '../src/index.ts';

/** Collects what an end receives, and whether it is closed. */
function listenAt(end: SimulatedConnection): { text: string; closed: boolean } {
  const heard = { text: '', closed: false };
  end.listen({
    onBytes: (bytes) => {
      heard.text += textOf(bytes);
    },
    onClose: () => {
      heard.closed = true;
    },
  });
  return heard;
}

it('bytes arrive in order in both directions, split at random, and the end after them', async () => {
  const clock = new SimulatedClock();
  const random = randomFrom(runSeed());
  const { near, far } = new SimulatedLink({ clock, random, delay: 5 });
  const [atNear, atFar] = [listenAt(near), listenAt(far)];
  near.write(bytesOf('from near, '));
  near.write(bytesOf('twice'));
  far.write(bytesOf('from far'));
  near.end();
  await clock.pass(1000);
  expect([atFar, atNear], `seed ${random.seed}`).toEqual([
    { text: 'from near, twice', closed: true },
    { text: 'from far', closed: true },
  ]);
  expect([near.bytesWritten, near.bytesRead, near.unsent]).toEqual([16, 8, 0]);
});

it('a paused receiver blocks the sender once the buffer of the system is full', async () => {
  const clock = new SimulatedClock();
  const { near, far } = new SimulatedLink({ clock, systemBuffer: 4, highWaterMark: 3 });
  const atFar = listenAt(far);
  far.pause();
  const flushed: string[] = [];
  near.write(bytesOf('1234'), () => flushed.push('first'));
  near.write(bytesOf('5678'), () => flushed.push('second'));
  expect(near.needsDrain).toBe(true);
  const drained = near.drained().then(() => flushed.push('drained'));
  await clock.pass(1000);
  expect([atFar.text, near.unsent, flushed]).toEqual(['', 4, ['first']]);
  far.resume();
  await clock.pass(1000);
  await drained;
  expect([atFar.text, near.unsent, flushed]).toEqual([
    '12345678',
    0,
    ['first', 'second', 'drained'],
  ]);
});

it('bytes are copied when the system accepts them, so memory that changes earlier is sent changed', async () => {
  const clock = new SimulatedClock();
  const { near, far } = new SimulatedLink({ clock });
  const atFar = listenAt(far);
  const bytes = bytesOf('early');
  near.write(bytes);
  bytes.set(bytesOf('later'));
  await clock.pass(10);
  bytes.set(bytesOf('never'));
  expect(atFar.text).toBe('later');
});

it('a cut closes both ends and loses bytes in transit', async () => {
  const clock = new SimulatedClock();
  const link = new SimulatedLink({ clock });
  const [atNear, atFar] = [listenAt(link.near), listenAt(link.far)];
  link.stall();
  link.near.write(bytesOf('lost'));
  await clock.pass(10);
  link.cut();
  await clock.pass(10);
  expect([atNear, atFar]).toEqual([
    { text: '', closed: true },
    { text: '', closed: true },
  ]);
  expect([link.near.closed, link.near.unsent, clock.pending]).toEqual([true, 0, 0]);
});

it('a sender that waits for room is closed when the receiver has closed without reading', async () => {
  const clock = new SimulatedClock();
  const link = new SimulatedLink({ clock, systemBuffer: 4 });
  listenAt(link.near);
  const atFar = listenAt(link.far);
  link.stall();
  link.far.write(bytesOf('more than fits'));
  await clock.pass(10);
  link.near.destroy();
  link.far.unstall();
  await clock.pass(10);
  expect([atFar.closed, clock.pending]).toEqual([true, 0]);
});
