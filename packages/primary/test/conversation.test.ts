import { describe, expect, it, onTestFinished } from 'vitest';
import type { PrimaryOptions } from '../src/index.ts';
import { Primary } from '../src/index.ts';
import { Peer } from './peer.ts';

async function listening(options: PrimaryOptions = {}): Promise<Primary> {
  const primary = new Primary({ pingPeriod: 0, ...options });
  onTestFinished(() => primary.close());
  await primary.listen();
  return primary;
}

describe('a client is answered', () => {
  it.each<[string[], string]>([
    [['REPLCONF'], '+OK'],
    [['REPLCONF', 'ack'], '-ERR syntax error'],
    [['REPLCONF', 'rdb-only', 'x'], '-ERR value is not an integer or out of range'],
    [['REPLCONF', 'rdb-only', '2'], '-ERR value is out of range, must be between 0 and 1'],
    [['PSYNC', '?', '-1', 'FAILOVER'], "-ERR PSYNC FAILOVER can't be sent to a master."],
    [['WAIT', '0', 'x'], '-ERR timeout is not an integer or out of range'],
    [['REPLCONF', 'capa'], '-ERR syntax error'],
    [['REPLCONF', 'listening-port', '6380'], '+OK'],
    [['REPLCONF', 'listening-port', 'x'], '-ERR value is not an integer or out of range'],
    [['REPLCONF', 'capa', 'eof', 'capa', 'psync2', 'capa', 'unheard-of'], '+OK'],
    [['REPLCONF', 'version', '8.0.0'], '+OK'],
    [['REPLCONF', 'rdb-only', '1'], '+OK'],
    [['REPLCONF', 'ip-address', '10.0.0.1'], '+OK'],
    [['REPLCONF', 'ip-address', 'a\r\nb'], '-ERR Invalid ip-address of a replica'],
    [['REPLCONF', 'rdb-channel', '1'], '-ERR Unrecognized REPLCONF option: rdb-channel'],
    [['REPLCONF', 'rdb-filter-only', ''], '+OK'],
    [['PSYNC', '?'], "-ERR wrong number of arguments for 'psync' command"],
    [['PSYNC', '?', 'x'], '-ERR value is not an integer or out of range'],
    [['WAIT', '0', '0'], ':0'],
    [['WAIT', 'x', '0'], '-ERR value is not an integer or out of range'],
    [['WAIT', '1', '-1'], '-ERR timeout is negative'],
    [['CLIENT', 'KILL', 'TYPE', 'master'], ':0'],
  ])('%j: %s', async (words, reply) => {
    const { port } = await listening();
    const peer = await Peer.connect(port);
    expect(await peer.ask(...words)).toBe(reply);
    expect(await peer.ask('PING')).toBe('+PONG');
  });

  it('is told that a filter of the snapshot is not served', async () => {
    const peer = await Peer.connect((await listening()).port);
    expect(await peer.ask('REPLCONF', 'rdb-filter-only', 'functions')).toMatch(/^-ERR rdb-filter/);
  });
});

it('a client cannot replicate before AUTH if a password is set', async () => {
  const { port } = await listening({ requirepass: 'secret' });
  const peer = await Peer.connect(port);
  for (const words of [['PSYNC', '?', '-1'], ['SYNC'], ['REPLCONF', 'capa', 'eof'], ['INFO']]) {
    expect(await peer.ask(...words)).toBe('-NOAUTH Authentication required.');
  }
  expect(await peer.ask('AUTH', 'secret')).toBe('+OK');
  expect(await peer.ask('PSYNC', '?', '-1')).toMatch(/^\+FULLRESYNC /);
});

describe('WAIT', () => {
  it('ends with the client that asked, and with what it asked', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', 'v']);
    const peer = await Peer.connect(primary.port);
    peer.send('WAIT', '1', '0');
    const other = await Peer.connect(primary.port);
    await expect.poll(() => other.askBulk('CLIENT', 'LIST')).toContain('cmd=wait');
    peer.socket.destroy();
    await expect.poll(() => other.askBulk('CLIENT', 'LIST')).not.toContain('cmd=wait');
    const waited = primary.wait(1);
    await primary.close();
    expect(await waited).toBe(0);
  });

  it('in a transaction of a disconnected client does not begin', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', 'v']);
    const peer = await Peer.connect(primary.port);
    for (const words of [['MULTI'], ['WAIT', '1', '0'], ['WAIT', '1', '0'], ['EXEC']]) {
      peer.send(...words);
    }
    const other = await Peer.connect(primary.port);
    await expect.poll(() => other.askBulk('CLIENT', 'LIST')).toContain('cmd=exec');
    // Each wait asks for acknowledgements in the stream.
    const { offset } = primary.position;
    peer.socket.destroy();
    await expect.poll(() => other.askBulk('CLIENT', 'LIST')).not.toContain('cmd=exec');
    expect(primary.position.offset).toBe(offset);
  });

  it('of longer than a timer takes is no shorter for that', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', 'v']);
    const peer = await Peer.connect(primary.port);
    peer.send('WAIT', '1', '99999999999');
    const other = await Peer.connect(primary.port);
    expect(await other.ask('WAIT', '1', '50')).toBe(':0');
    expect(peer.received).toBe('');
  });
});
