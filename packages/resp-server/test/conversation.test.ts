import { describe, expect, it } from 'vitest';
import { listening, Peer } from './peer.ts';

describe('a client is answered', () => {
  it.each<[string[], string]>([
    [['PING'], '+PONG'],
    [['ping'], '+PONG'],
    [['PING', 'a', 'b'], "-ERR wrong number of arguments for 'ping' command"],
    [['GET', 'k'], "-ERR unknown command 'GET', with args beginning with: 'k' "],
    [['AUTH', 'default', 'any'], '+OK'],
    [['AUTH', 'nobody', 'any'], '-WRONGPASS invalid username-password pair or user is disabled.'],
    [['AUTH', 'a', 'b', 'c'], '-ERR syntax error'],
    [['CLIENT', 'KILL'], "-ERR wrong number of arguments for 'client|kill' command"],
    [['CLIENT', 'KILL', 'ID', '0'], '-ERR client-id should be greater than 0'],
    [['CLIENT', 'KILL', 'USER', 'nobody'], "-ERR No such user 'nobody'"],
    [['CLIENT', 'SETNAME'], "-ERR wrong number of arguments for 'client|setname' command"],
    [['CLIENT', 'KILL', 'TYPE', 'other'], "-ERR Unknown client type 'other'"],
    [['CLIENT', 'KILL', 'ID', 'x'], '-ERR client-id should be greater than 0'],
    [['CLIENT', 'KILL', 'ID', '99'], ':0'],
    [['CLIENT', 'KILL', 'MAXAGE', 'x'], '-ERR maxage is not an integer or out of range'],
    [['CLIENT', 'KILL', 'MAXAGE', '0'], '-ERR maxage should be greater than 0'],
    [['CLIENT', 'KILL', 'TYPE', 'master'], ':0'],
    [['CLIENT', 'KILL', '127.0.0.1:1'], '-ERR No such client'],
    [['CLIENT', 'KILL', 'NOTHING', '1'], '-ERR syntax error'],
  ])('%j: %s', async (words, reply) => {
    const { port } = await listening();
    const peer = await Peer.connect(port);
    expect(await peer.ask(...words)).toBe(reply);
    expect(await peer.ask('PING')).toBe('+PONG');
  });

  it('in lines as in arrays', async () => {
    const peer = await Peer.connect((await listening()).port);
    peer.sendRaw('PING\r\n\r\nPING "a b"\r\n');
    expect(await peer.line()).toBe('+PONG');
    expect(await peer.line()).toBe('$3');
    expect(await peer.line()).toBe('a b');
  });

  it('lists clients and ends them', async () => {
    const { port } = await listening();
    const [one, other] = [await Peer.connect(port), await Peer.connect(port)];
    expect(await other.ask('CLIENT', 'SETNAME', 'other')).toBe('+OK');
    const id = await other.ask('CLIENT', 'ID');
    const listed = await one.askBulk('CLIENT', 'LIST');
    expect(listed.match(/^id=\d+ addr=127\.0\.0\.1:\d+ .*flags=N .*\n/gm)).toHaveLength(2);
    expect(listed).toContain(' name=other ');
    expect(await one.ask('CLIENT', 'KILL', 'ID', id.slice(1))).toBe(':1');
    await other.ended();
    expect(await one.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no')).toBe(':1');
    await one.ended();
  });
});

describe('with a password', () => {
  it('nothing is served before AUTH, and no other password will do', async () => {
    const { port } = await listening({ requirepass: 'sécret' });
    const peer = await Peer.connect(port);
    for (const words of [['PING'], ['CLIENT', 'LIST'], ['ECHO', 'a']]) {
      expect(await peer.ask(...words)).toBe('-NOAUTH Authentication required.');
    }
    const wrong = '-WRONGPASS invalid username-password pair or user is disabled.';
    expect(await peer.ask('AUTH', 'secret')).toBe(wrong);
    expect(await peer.ask('AUTH', 'somebody', 'sécret')).toBe(wrong);
    expect(await peer.ask('AUTH', 'sécret')).toBe('+OK');
    expect(await peer.ask('PING')).toBe('+PONG');
    expect(await peer.ask('AUTH', 'default', 'sécret')).toBe('+OK');
  });

  it.each<[string, string]>([
    ['*11\r\n', 'Protocol error: unauthenticated multibulk length'],
    ['*2\r\n$4\r\nAUTH\r\n$16385\r\n', 'Protocol error: unauthenticated bulk length'],
  ])('%j is too long for a client that is not authenticated', async (bytes, complaint) => {
    const peer = await Peer.connect((await listening({ requirepass: 'secret' })).port);
    peer.sendRaw(bytes);
    expect(await peer.line()).toBe(`-ERR ${complaint}`);
    await peer.ended();
  });

  it('what follows AUTH in the same write may be longer', async () => {
    const peer = await Peer.connect((await listening({ requirepass: 'secret' })).port);
    const long = 'x'.repeat(20_000);
    peer.sendRaw(`AUTH secret\r\n*2\r\n$4\r\nPING\r\n$20000\r\n${long}\r\n`);
    expect(await peer.line()).toBe('+OK');
    expect(await peer.line()).toBe('$20000');
    expect(await peer.line()).toBe(long);
  });
});

describe('a malformed request gets one error line, and the connection is closed', () => {
  it.each<[string, string]>([
    ['*x\r\n', 'invalid multibulk length'],
    ['*2000000\r\n', 'invalid multibulk length'],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$600000000\r\n', 'invalid bulk length'],
    ['PING "a\r\n', 'unbalanced quotes in request'],
    ['x'.repeat(70_000), 'too big inline request'],
    [`*1024\r\n${`$60000\r\n${'x'.repeat(60_000)}\r\n`.repeat(20)}`, 'too big request'],
  ])('%.40j', async (bytes, complaint) => {
    const peer = await Peer.connect((await listening()).port);
    peer.sendRaw(bytes);
    expect(await peer.line()).toBe(`-ERR Protocol error: ${complaint}`);
    await peer.ended();
  });

  it('garbage', async () => {
    const server = await listening();
    const peer = await Peer.connect(server.port);
    peer.sendRaw('*1\r\n#\0\xff\r\n');
    expect(await peer.line()).toMatch(/^-ERR Protocol error: /);
    await peer.ended();
    expect(await (await Peer.connect(server.port)).ask('PING')).toBe('+PONG');
  });
});

it('a client above the limit gets an error', async () => {
  const { port } = await listening({ maxClients: 2 });
  const first = await Peer.connect(port);
  const second = await Peer.connect(port);
  expect([await first.ask('PING'), await second.ask('PING')]).toEqual(['+PONG', '+PONG']);
  const third = await Peer.connect(port);
  expect(await third.line()).toBe('-ERR max number of clients reached');
  third.sendRaw('PING\r\n');
  await third.ended();
});

it('a refused client that sent bytes does not keep the server from closing', async () => {
  const server = await listening({ maxClients: 0 });
  const peer = await Peer.connect(server.port);
  peer.sendRaw('PING\r\n');
  expect(await peer.line()).toBe('-ERR max number of clients reached');
  await server.close();
  await peer.ended();
});

it('a client that does not read its replies is sent no more of them', async () => {
  const { port } = await listening();
  const [mute, other] = [await Peer.connect(port), await Peer.connect(port)];
  mute.socket.pause();
  mute.sendRaw(`ECHO ${'x'.repeat(100)}\r\n`.repeat(100_000));
  expect(await other.ask('PING')).toBe('+PONG');
  const listed = await other.askBulk('CLIENT', 'LIST');
  const waiting = [...listed.matchAll(/omem=(\d+)/g)].map(([, bytes]) => Number(bytes));
  expect(Math.max(...waiting)).toBeLessThan(1_000_000);
  mute.socket.resume();
  await mute.bytes(100_000 * 108);
});
