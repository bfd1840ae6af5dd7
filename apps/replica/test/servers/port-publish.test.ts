import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon } from '../daemon.ts';
import { chain, portOf, threeServers } from './chain.ts';

/** Milliseconds that a message may take. */
const PATIENCE = { timeout: 30_000, interval: 20 };

describe.each(threeServers())('under $name', (installed) => {
  it('a subscriber of forebay gets messages published on the primary, also after a restart of forebay', async () => {
    const { primary, directory, daemon, port } = await chain(installed, {}, 1);
    const served = installed.multipart
      ? ['news a', 'news b', 'shard c', 'news d']
      : ['news a', 'news b', 'news d'];
    const publish = async () => {
      await primary.command('PUBLISH', 'news', 'a');
      await primary.client.multi().set('k', 'v').publish('news', 'b').exec();
      if (installed.multipart) await primary.command('SPUBLISH', 'shard', 'c');
      await primary.command('PUBLISH', 'news', 'd');
    };
    const first = await subscriber(port);
    await publish();
    await expect.poll(() => first, PATIENCE).toEqual(served);
    expect(await daemon.stop()).toBe(0);
    const again = Daemon.follow(primary, directory, '--port', 'any');
    await again.prints(/partial resync/);
    const second = await subscriber(portOf(again));
    await publish();
    await expect.poll(() => second, PATIENCE).toEqual(served);
  });
});

/** What comes to a client that subscribes at a port, as `channel message`. */
async function subscriber(port: number): Promise<string[]> {
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2, retryStrategy: () => null });
  onTestFinished(() => client.disconnect());
  const messages: string[] = [];
  const take = (channel: string, message: string) => messages.push(`${channel} ${message}`);
  client.on('message', take);
  client.on('smessage', take);
  await client.subscribe('news');
  await client.ssubscribe('shard');
  return messages;
}
