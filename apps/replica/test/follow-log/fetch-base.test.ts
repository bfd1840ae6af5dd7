import { ScriptedPrimary } from '@forebay/conformance';
import { Log } from '@forebay/log';
import { Primary } from '@forebay/primary';
import { Replica } from '@forebay/replica';
import { bytesOf, concatBytes } from '@forebay/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { fetchBase } from '../../src/follow-log/fetch-base.ts';
import { follow } from '../../src/follow-log/follow.ts';
import { freshDirectory } from '../daemon.ts';

const EMPTY_RDB = concatBytes([bytesOf('REDIS0009'), Uint8Array.from([0xff]), new Uint8Array(8)]);
const at = (port: number) => ({ kind: 'tcp', host: '127.0.0.1', port }) as const;

/** A log that follows a primary in memory and holds a command. */
async function followedLog() {
  const primary = new Primary({ pingPeriod: 0 });
  await primary.listen();
  const log = await Log.open(await freshDirectory());
  const replica = new Replica({ url: at(primary.port) });
  const following = follow(replica, log);
  onTestFinished(async () => {
    await replica.detach();
    await following;
    await log.close();
    await primary.close();
  });
  primary.propagate(['SET', 'key', 'a']);
  await expect.poll(() => log.written).toBe(primary.position.offset);
  return { primary, log };
}

it('a fetched base becomes the newest base of the log while the stream continues', async () => {
  const { primary, log } = await followedLog();
  primary.replaceSnapshot(EMPTY_RDB);
  const { offset } = primary.position;
  const reached: number[] = [];
  const base = await fetchBase(
    log,
    { url: at(primary.port) },
    {
      reached: async (position) => {
        reached.push(position.offset);
      },
    },
  );
  expect(reached).toEqual([offset]);
  expect(base).toMatchObject({ size: EMPTY_RDB.length, verdict: { keys: 0 } });
  expect(log.base).toMatchObject({ offset, size: EMPTY_RDB.length });
  expect(log.lowest).toBe(0);
  primary.propagate(['SET', 'key', 'b']);
  await expect.poll(() => log.written).toBe(primary.position.offset);
});

it('a refused snapshot leaves the log as it was, and the error has the verdict', async () => {
  const { primary, log } = await followedLog();
  const { id, offset } = primary.position;
  const unproven = bytesOf('REDIS0009\xfe\0\x63\x07the keyanything\xff\0\0\0\0\0\0\0\0');
  await using scripted = await ScriptedPrimary.listen(async (peer) => {
    await peer.handshake();
    await peer.send(`+FULLRESYNC ${id} ${offset}\r\n$${unproven.length}\r\n`);
    await peer.send(unproven);
    await peer.closed;
  });
  const { base } = log;
  const fetched = fetchBase(log, { url: at(scripted.port) }, { reached: async () => {} });
  await expect(fetched).rejects.toMatchObject({
    name: 'ReplicaError',
    code: 'BAD_PAYLOAD',
    verdict: { outcome: 'unproven' },
  });
  expect(log.base).toEqual(base);
});
