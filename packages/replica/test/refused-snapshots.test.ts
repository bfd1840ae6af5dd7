import { ScriptedPrimary } from '@forebay/conformance';
import type { WritableEvent } from '@forebay/rdb';
import { RdbWriter } from '@forebay/rdb';
import { bytesOf, concatBytes, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../src/backoff.ts';
import type { ReplicaOptions } from '../src/index.ts';
import { counted, fullResync, ID, marked, stream } from './payloads.ts';
import { Taker } from './taker.ts';

/** An RDB of one string, or of what else is given, with its checksum. */
function written(...more: WritableEvent[]): Uint8Array {
  const writer = new RdbWriter({ magic: 'REDIS', version: 11 });
  const key = { type: 'key', key: bytesOf('k'), dataType: 'string', database: 0 } as const;
  const events = [key, { type: 'value', value: bytesOf('value') }, { type: 'key-end' }] as const;
  for (const event of [...events, ...more, { type: 'end' } as const]) writer.write(event);
  return writer.take();
}

const SOUND = written();
const WHERE = 'snapshot from 127.0.0.1:\\d+ refused: ';

/** The same bytes, changed; with no checksum where `isAbsent`. */
function changed(at: number, to: number, isAbsent = false): Uint8Array {
  const bytes = Uint8Array.from(SOUND);
  bytes[at < 0 ? bytes.length + at : at] = to;
  if (isAbsent) bytes.fill(0, -8);
  return bytes;
}

/** Where the type of the key stands. */
const TYPE = SOUND.length - 8 - 1 - 'value'.length - 1 - 2 - 1;

/** Sends a snapshot on the first connection, which is refused, and a sound one on those after it. */
async function primaryThatMends(payload: Uint8Array, asked: string[][]) {
  return ScriptedPrimary.listen(async (peer, n) => {
    asked.push((await peer.handshake()).psync);
    await peer.send(fullResync(1000, n === 1 ? payload : counted(SOUND)));
    await peer.closed;
  });
}

const BRISK = { backoff: { initialDelay: 5, maxDelay: 20, refusedDelay: 20 } };

describe('a snapshot that is refused', () => {
  it.each<[string, Uint8Array, string]>([
    [
      'with a wrong checksum',
      counted(changed(-1, SOUND.at(-1)! ^ 1)),
      'the checksum at byte \\d+ is wrong',
    ],
    [
      'with a broken structure',
      counted(changed(TYPE + 3, 0xc9, true)),
      'key "k" of database 0: an unknown string encoding 9',
    ],
    [
      'without an end',
      counted(SOUND.subarray(0, -12)),
      'the RDB ends at byte \\d+, before its end, in the value of key "k"',
    ],
    [
      'cut short before a mark',
      marked(SOUND.subarray(0, -1)),
      'the RDB ends at byte \\d+, before its end',
    ],
    [
      'with bytes after its end',
      counted(concatBytes([SOUND, bytesOf('x')])),
      '1 bytes follow the end',
    ],
    [
      'with a type that nothing proves',
      counted(changed(TYPE, 99, true)),
      'key "k" has a value of type 99.*; without a checksum the rest is unproven',
    ],
  ])('%s leaves nothing behind, and the next one is taken', async (_, payload, reason) => {
    const asked: string[][] = [];
    await using primary = await primaryThatMends(payload, asked);
    await using taker = new Taker({ url: primary.url, ...BRISK });
    await expect.poll(() => taker.item('snapshot-end')).toBeDefined();
    expect(asked).toEqual([
      ['PSYNC', '?', '-1'],
      ['PSYNC', '?', '-1'],
    ]);
    const [error] = taker.errors;
    expect(error).toMatchObject({ name: 'ReplicaError', code: 'BAD_PAYLOAD' });
    expect(error?.message).toMatch(new RegExp(`^${WHERE}${reason}`));
    expect(error?.verdict?.findings.length).toBeGreaterThan(0);
    expect(taker.types.slice(0, 3)).toEqual(['full-resync', 'snapshot', 'snapshot-aborted']);
    expect(taker.item('snapshot-end')?.verdict).toMatchObject({ outcome: 'sound', keys: 1 });
  });

  it('leaves the history as it was: the next attempt asks for it, and it is continued', async () => {
    const asked: string[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer, n) => {
      asked.push((await peer.handshake()).psync);
      if (n === 1) await peer.send(fullResync(1000, counted(SOUND), stream('PING')));
      if (n === 1) await peer.skipTo('REPLCONF', 'ACK');
      if (n === 2) await peer.send(fullResync(5000, counted(SOUND.subarray(0, -1))));
      if (n === 3) await peer.send(concatBytes([bytesOf('+CONTINUE\r\n'), stream('SET a b')]));
      if (n === 1) peer.cut();
    });
    await using taker = new Taker({ url: primary.url, ...BRISK });
    await expect.poll(() => taker.stream).toBe(textOf(stream('PING', 'SET a b')));
    expect(asked.slice(1)).toEqual([
      ['PSYNC', ID, '1015'],
      ['PSYNC', ID, '1015'],
    ]);
  });

  it('is waited after for twice as long each time, up to an hour, until a link streams', () => {
    const backoff = new Backoff({ random: () => 1 });
    const waits = Array.from({ length: 12 }, () => backoff.afterRefusal());
    expect(waits.slice(0, 4)).toEqual([5000, 10_000, 20_000, 40_000]);
    expect(waits.slice(-2)).toEqual([3_600_000, 3_600_000]);
    backoff.next({ streamed: undefined, progressed: false });
    expect(backoff.afterRefusal()).toBe(3_600_000);
    backoff.next({ streamed: 1, progressed: false });
    expect(backoff.afterRefusal()).toBe(5000);
  });

  it('is waited after as the back-off says', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(0, counted(SOUND.subarray(0, -1))));
      await peer.closed;
    });
    const backoff = { initialDelay: 1, maxDelay: 1, refusedDelay: 8, random: () => 1 };
    await using taker = new Taker({ url: primary.url, backoff });
    await expect.poll(() => taker.delays.slice(0, 4)).toEqual([8, 16, 32, 64]);
  });

  it('ends a replica that is to fetch a snapshot alone', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(0, counted(SOUND.subarray(0, -1))));
      await peer.closed;
    });
    await using taker = new Taker({ url: primary.url, rdbOnly: true });
    expect(await taker.ended).toMatchObject({ code: 'BAD_PAYLOAD' });
    expect(primary.connections).toBe(1);
  });
});

describe('a snapshot that nothing proves', () => {
  const unproven = changed(TYPE, 99, true);

  /** The outcome that a replica with these options tells. */
  async function taken(payload: Uint8Array, options: Partial<ReplicaOptions>) {
    await using primary = await primaryThatMends(counted(payload), []);
    await using taker = new Taker({ url: primary.url, ...BRISK, ...options });
    await expect.poll(() => taker.item('snapshot-end')).toBeDefined();
    return { refusals: taker.errors.length, outcome: taker.item('snapshot-end')?.verdict?.outcome };
  }

  it('is taken where that is wanted, and one that is damaged is not', async () => {
    const options = { acceptedSnapshots: 'unproven' } as const;
    expect(await taken(unproven, options)).toEqual({ refusals: 0, outcome: 'unproven' });
    const damaged = changed(-1, SOUND.at(-1)! ^ 1);
    expect(await taken(damaged, options)).toEqual({ refusals: 1, outcome: 'sound' });
  });

  it('is taken without a look where any is', async () => {
    const options = { acceptedSnapshots: 'any' } as const;
    expect(await taken(unproven, options)).toEqual({ refusals: 0, outcome: undefined });
  });

  it('is asked for again at once when it becomes wanted', async () => {
    const payload = fullResync(0, counted(unproven));
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(payload);
      await peer.closed;
    });
    const backoff = { refusedDelay: 3_600_000 };
    await using taker = new Taker({ url: primary.url, backoff });
    await expect.poll(() => taker.errors.length).toBe(1);
    taker.replica.setAcceptedSnapshots('unproven');
    await expect.poll(() => taker.item('snapshot-end')?.verdict?.outcome).toBe('unproven');
  });
});
