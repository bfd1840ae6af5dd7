import { freePort, ScriptedPrimary } from '@forebay/conformance';
import { startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import { Replica } from '../src/index.ts';
import { counted, fullResync, ID, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RESUME = { history: startHistory(ID), offset: 1000 };
const NEVER = { backoff: { initialDelay: 600_000, maxDelay: 600_000 } };

/** A primary that goes on wherever it is asked to, and what it was asked for. */
async function continuing() {
  const asked: string[][] = [];
  const primary = await ScriptedPrimary.listen(async (peer) => {
    asked.push((await peer.handshake()).psync.slice(1));
    await peer.send('+CONTINUE\r\n');
    await peer.send(stream('PING'));
  });
  return { asked, primary, [Symbol.asyncDispose]: () => primary[Symbol.asyncDispose]() };
}

describe('another primary', () => {
  it('is followed at once, from where the first one was left', async () => {
    await using first = await continuing();
    await using second = await continuing();
    await using taker = new Taker({ url: first.primary.url, resume: RESUME, ...NEVER });
    await expect.poll(() => taker.replica.offset).toBe(1014);
    taker.replica.retarget({ url: second.primary.url });
    await expect.poll(() => taker.replica.offset).toBe(1028);
    expect(second.asked).toEqual([[ID, '1015']]);
    expect(taker.errors).toMatchObject([{ code: 'RETARGETED' }]);
    expect(taker.errors[0]?.message).toContain(`127.0.0.1:${second.primary.port}`);
    expect(taker.delays).toEqual([0]);
  });

  it('is followed at once while an attempt is waited for', async () => {
    await using second = await continuing();
    const url = `redis://127.0.0.1:${await freePort()}`;
    await using taker = new Taker({ url, resume: RESUME, ...NEVER });
    await expect.poll(() => taker.replica.state).toBe('waiting');
    taker.replica.retarget({ url: second.primary.url });
    await expect.poll(() => taker.replica.offset).toBe(1014);
    expect(taker.errors).toHaveLength(1);
  });

  it('is followed at once by a listener that hears of a failure', async () => {
    await using second = await continuing();
    const url = `redis://127.0.0.1:${await freePort()}`;
    const replica = new Replica({ url, resume: RESUME, ...NEVER });
    replica.once('attempt-ended', () => replica.retarget({ url: second.primary.url }));
    for await (const item of replica) if (item.type === 'stream') break;
    expect(second.asked).toEqual([[ID, '1001']]);
  });

  it('is waited for as if it were the first', async () => {
    await using second = await continuing();
    const url = `redis://127.0.0.1:${await freePort()}`;
    const backoff = { initialDelay: 20, maxDelay: 600_000, random: () => 1 };
    await using taker = new Taker({ url, resume: RESUME, backoff });
    await expect.poll(() => taker.delays.length).toBeGreaterThan(3);
    const nowhere = `redis://127.0.0.1:${await freePort()}`;
    taker.delays.length = 0;
    taker.replica.retarget({ url: nowhere });
    await expect.poll(() => taker.delays.filter((delay) => delay > 0)[0]).toBe(20);
    taker.replica.retarget({ url: second.primary.url });
    await expect.poll(() => taker.replica.state).toBe('stream');
  });

  it('leaves a snapshot that was on its way unfinished', async () => {
    const half = fullResync(50, counted(rdb()).subarray(0, -1));
    await using first = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(half);
    });
    await using second = await continuing();
    await using taker = new Taker({ url: first.url, resume: RESUME, ...NEVER });
    await expect.poll(() => taker.types).toContain('snapshot');
    taker.replica.retarget({ url: second.primary.url });
    await expect.poll(() => taker.replica.offset).toBe(1014);
    expect(taker.item('snapshot-aborted')?.error).toMatchObject({ code: 'RETARGETED' });
    expect(second.asked).toEqual([[ID, '1001']]);
  });

  it('hears nothing of the credentials for the first', async () => {
    await using first = await continuing();
    await using second = await continuing();
    const names: string[] = [];
    await using third = await ScriptedPrimary.listen(async (peer) => {
      for (;;) {
        const [name = ''] = await peer.command();
        names.push(name);
        if (name === 'PSYNC') return peer.send('+CONTINUE\r\n');
        await peer.send('+OK\r\n');
      }
    });
    await using taker = new Taker({ url: first.primary.url, resume: RESUME });
    await expect.poll(() => taker.replica.state).toBe('stream');
    taker.replica.retarget({ url: second.primary.url });
    taker.replica.retarget({ url: third.url, username: 'user', password: 'secret' });
    await expect.poll(() => names).toContain('PSYNC');
    expect(names).toContain('AUTH');
    names.length = 0;
    taker.replica.retarget({ url: third.url });
    await expect.poll(() => names).toContain('PSYNC');
    expect(names).not.toContain('AUTH');
  });

  it.each([
    ['of no scheme', { url: 'http://:hunter2@127.0.0.1' }],
    ['at a port of no machine', { url: { kind: 'tcp', host: 'localhost', port: 65536 } }],
    ['for a user without a password', { url: 'redis://ann@127.0.0.1' }],
    ['of a CA that is none', { url: 'rediss://127.0.0.1', tls: { ca: 'x' } }],
  ] as const)('%s is refused; the first is still followed', async (_, target) => {
    await using first = await continuing();
    await using taker = new Taker({ url: first.primary.url, resume: RESUME });
    await expect.poll(() => taker.replica.state).toBe('stream');
    const retarget = () => taker.replica.retarget(target);
    expect(retarget).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(retarget).not.toThrow(/hunter2/);
    expect(taker.replica.state).toBe('stream');
    expect(taker.errors).toEqual([]);
  });
});
