import { ScriptedPrimary } from '@forebay/conformance';
import { expect, it } from 'vitest';
import { Daemon, freshDirectory } from './daemon.ts';

const ID = 'a'.repeat(40);
const OTHER_ID = 'b'.repeat(40);
const RDB = 'REDIS0009\xff\0\0\0\0\0\0\0\0';
const PING = '*1\r\n$4\r\nPING\r\n';
const FULL = `+FULLRESYNC ${ID} 5\r\n$${RDB.length}\r\n${RDB}`;

function start(primary: ScriptedPrimary, directory: string): Daemon {
  const address = ['127.0.0.1', String(primary.port)];
  return Daemon.start(['replica', '--replicaof', ...address, '--dir', directory]);
}

it('started again, it acknowledges at once what it holds, as synced', async () => {
  const acknowledged: string[][] = [];
  await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
    await peer.handshake();
    await peer.send(connection === 1 ? `${FULL}${PING}` : '+CONTINUE\r\n');
    const expected = connection === 1 ? ['REPLCONF', 'ACK', '19'] : ['REPLCONF', 'ACK'];
    acknowledged.push(await peer.skipTo(...expected));
  });
  const directory = await freshDirectory();
  const first = start(primary, directory);
  await expect.poll(() => acknowledged.length).toBe(1);
  expect(await first.stop()).toBe(0);
  const second = start(primary, directory);
  await expect.poll(() => acknowledged[1]).toEqual(['REPLCONF', 'ACK', '19', 'FACK', '19']);
  expect(await second.stop()).toBe(0);
});

it('a new id is kept over a restart, and asked for with the next byte', async () => {
  const asked: string[][] = [];
  await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
    asked.push((await peer.handshake()).psync);
    await peer.send(connection === 1 ? `${FULL}${PING}` : `+CONTINUE ${OTHER_ID}\r\n`);
    if (connection === 1) await peer.skipTo('REPLCONF', 'ACK', '19');
    if (connection === 1) peer.end();
  });
  const directory = await freshDirectory();
  const first = start(primary, directory);
  await first.prints(new RegExp(`goes on at ${OTHER_ID}:19, under a new id in place of ${ID}`));
  expect(await first.stop()).toBe(0);
  const second = start(primary, directory);
  await second.prints(new RegExp(`held up to ${OTHER_ID}:19`));
  await expect.poll(() => asked[2]).toEqual(['PSYNC', OTHER_ID, '20']);
  expect(await second.stop()).toBe(0);
});

it('in the middle of a command it goes on there, to the byte', async () => {
  const asked: string[][] = [];
  const acknowledged: string[] = [];
  await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
    asked.push((await peer.handshake()).psync);
    const half = `${FULL}${PING.slice(0, 6)}`;
    await peer.send(connection === 1 ? half : `+CONTINUE\r\n${PING.slice(6)}`);
    const end = connection === 1 ? '11' : '19';
    await peer.skipTo('REPLCONF', 'ACK', end);
    acknowledged.push(end);
  });
  const directory = await freshDirectory();
  const first = start(primary, directory);
  await expect.poll(() => acknowledged).toEqual(['11']);
  expect(await first.stop()).toBe(0);
  const second = start(primary, directory);
  await expect.poll(() => acknowledged).toEqual(['11', '19']);
  expect(asked[1]).toEqual(['PSYNC', ID, '12']);
  expect(await second.stop()).toBe(0);
});
