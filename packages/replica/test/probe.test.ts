import { installedServers, ScriptedPrimary, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { probe, type ReplicaError } from '../src/index.ts';

const url = (port: number) => `redis://127.0.0.1:${port}`;
const code = (expected: ReplicaError['code']) => expect.objectContaining({ code: expected });

describe.each(installedServers())('$name', (installed) => {
  it('says what it is, and has no replica by that', async () => {
    await using server = await Server.start(installed);
    const report = await probe({ url: server.url });
    const { master_replid, connected_slaves } = await server.info('replication');
    expect(report).toMatchObject({ role: 'primary', id: master_replid });
    expect(connected_slaves).toBe('0');
    expect((await server.info('stats')).sync_full).toBe('0');
  });
});

describe('a server that does not answer the question', () => {
  it('but denies it, is known to be there', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.expect('PING');
      await peer.send('+PONG\r\n');
      await peer.expect('INFO');
      await peer.send("-NOPERM no permissions to run the 'info' command\r\n");
      await peer.closed;
    });
    expect(await probe({ url: url(primary.port) })).toBeUndefined();
  });

  it('but wants a password, is told apart', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake({ password: ['secret'] });
    });
    const wrong = probe({ url: `redis://:other@127.0.0.1:${primary.port}` });
    await expect(wrong).rejects.toThrow(code('DENIED'));
    await expect(wrong).rejects.not.toThrow(/other/);
  });

  it('and sends an endless reply is disconnected before the reply fills the memory', async () => {
    const items = Buffer.from('$1\r\na\r\n'.repeat(150_000));
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.expect('PING');
      await peer.send('*2147483647\r\n');
      await peer.send(items);
      await peer.closed;
    });
    const asked = probe({ url: url(primary.port), timeout: 60_000 });
    await expect(asked).rejects.toThrow(code('NOT_UNDERSTOOD'));
  });

  it('and says nothing is given up in time', async () => {
    await using primary = await ScriptedPrimary.listen((peer) => peer.closed);
    const asked = probe({ url: url(primary.port), timeout: 50 });
    await expect(asked).rejects.toThrow(code('TIMEOUT'));
  });

  it('and is no server of ours, or not there, is named', async () => {
    await using primary = await ScriptedPrimary.listen((peer) => peer.send('HTTP/1.1 400\r\n'));
    const { port } = primary;
    await expect(probe({ url: url(port) })).rejects.toThrow(code('NOT_UNDERSTOOD'));
    await primary[Symbol.asyncDispose]();
    await expect(probe({ url: url(port) })).rejects.toThrow(code('UNREACHABLE'));
  });
});
