import type { RespValue } from '@forebay/resp';
import { encodeCommand, RespDecoder } from '@forebay/resp';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Client, ClientType, Command } from '../src/index.ts';
import { error, integer, RespServer } from '../src/index.ts';
import { listening, Peer } from './peer.ts';

/** A client that takes replies, and what comes unasked, as values. */
class Talker {
  readonly peer: Peer;
  readonly #decoder = new RespDecoder();
  readonly #replies: RespValue[] = [];

  constructor(peer: Peer) {
    this.peer = peer;
    // It reads one character a byte.
    peer.socket.on('data', (text: string) => {
      this.#decoder.push(Buffer.from(text, 'latin1'));
      for (let next = this.#decoder.next(); next !== undefined; next = this.#decoder.next())
        this.#replies.push(next);
    });
  }

  static async connect(server: RespServer): Promise<Talker> {
    return new Talker(await Peer.connect(server.port));
  }

  send(...words: string[]): void {
    this.peer.socket.write(encodeCommand(words));
  }

  /** The next that comes, its strings as text and its errors as theirs. */
  async next(): Promise<unknown> {
    await expect.poll(() => this.#replies.length).toBeGreaterThan(0);
    return plain(this.#replies.shift()!);
  }

  ask(...words: string[]): Promise<unknown> {
    this.send(...words);
    return this.next();
  }
}

function plain(value: RespValue): unknown {
  switch (value.type) {
    case 'bulk':
    case 'verbatim':
      return Buffer.from(value.bytes).toString();
    case 'error':
      return `-${value.message}`;
    case 'simple':
      return value.text;
    case 'number':
      return value.value;
    case 'null':
      return null;
    case 'map':
      return Object.fromEntries(value.entries.map(([key, each]) => [plain(key), plain(each)]));
    default:
      return 'items' in value ? value.items.map(plain) : value;
  }
}

describe('HELLO', () => {
  it('selects the version of all later replies', async () => {
    const talker = await Talker.connect(await listening());
    const greeting = { server: 'redis', proto: 3, mode: 'standalone', role: 'master', modules: [] };
    expect(await talker.ask('HELLO', '3', 'SETNAME', 'me')).toMatchObject(greeting);
    expect(await talker.ask('CLIENT', 'GETNAME')).toBe('me');
    expect(await talker.ask('CLIENT', 'INFO')).toMatch(/ resp=3 /);
    expect(await talker.ask('HELLO', '2')).toEqual(expect.arrayContaining(['proto', 2]));
  });

  it.each<[string[], string]>([
    [['4'], '-NOPROTO unsupported protocol version'],
    [['x'], '-ERR Protocol version is not an integer or out of range'],
    [['3', 'AUTH', 'a'], "-ERR Syntax error in HELLO option 'AUTH'"],
    [
      ['3', 'AUTH', 'default', 'wrong'],
      '-WRONGPASS invalid username-password pair or user is disabled.',
    ],
    [['3'], '-NOAUTH HELLO must be called'],
  ])('%j is refused, and changes nothing', async (words, reply) => {
    const talker = await Talker.connect(await listening({ requirepass: 'secret' }));
    expect(await talker.ask('HELLO', ...words)).toContain(reply);
    expect(await talker.ask('PING')).toBe('-NOAUTH Authentication required.');
    expect(await talker.ask('HELLO', '3', 'AUTH', 'default', 'secret')).toMatchObject({ proto: 3 });
    expect(await talker.ask('PING')).toBe('PONG');
  });
});

describe('a transaction', () => {
  it('answers all at once, in order', async () => {
    const talker = await Talker.connect(await listening());
    expect(await talker.ask('MULTI')).toBe('OK');
    expect(await talker.ask('MULTI')).toBe('-ERR MULTI calls can not be nested');
    expect(await talker.ask('ECHO', 'a')).toBe('QUEUED');
    expect(await talker.ask('CLIENT', 'KILL', 'ID', 'x')).toBe('QUEUED');
    expect(await talker.ask('CLIENT', 'GETNAME')).toBe('QUEUED');
    const refused = '-ERR client-id should be greater than 0';
    expect(await talker.ask('EXEC')).toEqual(['a', refused, null]);
    expect(await talker.ask('EXEC')).toBe('-ERR EXEC without MULTI');
  });

  it.each([['GET', 'k'], ['ECHO'], ['SUBSCRIBE', 'a'], ['HELLO', '3']])(
    '%s %s spoils it',
    async (...words) => {
      const talker = await Talker.connect(await listening());
      await talker.ask('MULTI');
      expect(await talker.ask(...words)).toMatch(/^-ERR /);
      expect(await talker.ask('ECHO', 'a')).toBe('QUEUED');
      expect(await talker.ask('EXEC')).toMatch(/^-EXECABORT /);
      expect(await talker.ask('PING')).toBe('PONG');
    },
  );

  it('is forgotten by DISCARD, and is no longer than a mebibyte', async () => {
    const talker = await Talker.connect(await listening());
    await talker.ask('MULTI');
    await talker.ask('ECHO', 'a');
    expect(await talker.ask('DISCARD')).toBe('OK');
    expect(await talker.ask('DISCARD')).toBe('-ERR DISCARD without MULTI');
    await talker.ask('MULTI');
    const replies = [];
    for (let i = 0; i < 17; i++) replies.push(await talker.ask('ECHO', 'x'.repeat(65_000)));
    expect(replies.at(-1)).toMatch(/^-ERR too much/);
  });
});

describe('messages', () => {
  it('reach subscribers of the channel and of matching patterns', async () => {
    const server = await listening();
    const [listener, speaker] = [await Talker.connect(server), await Talker.connect(server)];
    listener.send('SUBSCRIBE', 'a', 'b');
    expect(await listener.next()).toEqual(['subscribe', 'a', 1]);
    expect(await listener.next()).toEqual(['subscribe', 'b', 2]);
    expect(await listener.ask('PSUBSCRIBE', '__*')).toEqual(['psubscribe', '__*', 3]);
    expect(await listener.ask('PING')).toEqual(['pong', '']);
    expect(await listener.ask('INFO')).toMatch(/^-ERR Can't execute 'info'/);
    expect(await speaker.ask('PUBLISH', 'a', 'hello')).toBe(1);
    expect(await listener.next()).toEqual(['message', 'a', 'hello']);
    expect(await speaker.ask('PUBLISH', '__x', 'é')).toBe(1);
    expect(await listener.next()).toEqual(['pmessage', '__*', '__x', 'é']);
    expect(await speaker.ask('PUBLISH', 'c', 'nobody')).toBe(0);
    expect(await speaker.ask('PUBSUB', 'NUMSUB', 'a', 'c')).toEqual(['a', 1, 'c', 0]);
    expect(await speaker.ask('CLIENT', 'LIST', 'TYPE', 'pubsub')).toMatch(
      /flags=P .* sub=2 psub=1 /,
    );
    expect(await speaker.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(1);
    await listener.peer.ended();
    expect(await speaker.ask('PUBLISH', 'a', 'gone')).toBe(0);
  });

  it('are pushes to a RESP3 client, which may send any command meanwhile', async () => {
    const server = await listening();
    const talker = await Talker.connect(server);
    await talker.ask('HELLO', '3');
    talker.send('SUBSCRIBE', 'a');
    expect(await talker.next()).toEqual(['subscribe', 'a', 1]);
    talker.send('PUBLISH', 'a', 'me');
    expect([await talker.next(), await talker.next()]).toEqual([['message', 'a', 'me'], 1]);
    expect(await talker.ask('UNSUBSCRIBE')).toEqual(['unsubscribe', 'a', 0]);
    expect(await talker.ask('UNSUBSCRIBE')).toEqual(['unsubscribe', null, 0]);
  });

  it('end with RESET', async () => {
    const server = await listening();
    const talker = await Talker.connect(server);
    await talker.ask('SUBSCRIBE', 'a');
    expect(await talker.ask('RESET')).toBe('RESET');
    expect(await talker.ask('PUBLISH', 'a', 'x')).toBe(0);
  });
});

it('COMMAND lists the commands of the table', async () => {
  const talker = await Talker.connect(await listening());
  await talker.ask('HELLO', '3');
  const all = (await talker.ask('COMMAND')) as unknown[][];
  expect(await talker.ask('COMMAND', 'COUNT')).toBe(all.length);
  expect(await talker.ask('COMMAND', 'LIST')).toEqual(all.map(([name]) => name));
  const [echo, client, none] = (await talker.ask(
    ...['COMMAND', 'INFO', 'echo', 'client', 'get'],
  )) as unknown[][];
  expect([echo?.slice(0, 2), client?.slice(0, 2), none]).toEqual([
    ['echo', 2],
    ['client', -2],
    null,
  ]);
  const docs = (await talker.ask('COMMAND', 'DOCS')) as Record<string, { summary: string }>;
  expect(Object.keys(docs)).toHaveLength(all.length);
  expect(docs.ping?.summary).not.toBe('');
});

it('a registered command is served like a command of the server', async () => {
  const each = { least: 1, most: 1, summary: 'A test.' };
  const commands = new Map([['dbsize', { ...each, run: async () => integer(9) }]]);
  const talker = await Talker.connect(await listening({ commands }));
  expect(await talker.ask('DBSIZE')).toBe(9);
  expect(await talker.ask('COMMAND', 'LIST')).toContain('dbsize');
});

it('an idle client is disconnected after idleTimeout; a subscriber is not', async () => {
  const clock = new SimulatedClock();
  const server = await listening({ idleTimeout: 5000, timeout: 1000, clock });
  const [idle, listener] = [await Talker.connect(server), await Talker.connect(server)];
  await idle.ask('PING');
  await listener.ask('SUBSCRIBE', 'a');
  for (let second = 0; second < 4; second++) clock.advance(1000);
  expect(await idle.ask('PING')).toBe('PONG');
  for (let second = 0; second < 8; second++) clock.advance(1000);
  await idle.peer.ended();
  expect(listener.peer.closed).toBe(false);
});

it('CLIENT KILL MAXAGE closes clients that have been connected for that long', async () => {
  const clock = new SimulatedClock();
  const server = await listening({ clock });
  const old = await Talker.connect(server);
  expect(await old.ask('PING')).toBe('PONG');
  clock.advance(10_000);
  const young = await Talker.connect(server);
  expect(await young.ask('CLIENT', 'KILL', 'MAXAGE', '11', 'SKIPME', 'no')).toBe(0);
  expect(await young.ask('CLIENT', 'KILL', 'MAXAGE', '10', 'SKIPME', 'no')).toBe(1);
  await expect.poll(() => old.peer.closed).toBe(true);
  expect(await young.ask('CLIENT', 'LIST')).toMatch(/^id=2 .* cmd=client\|list .* tot-cmds=3\n$/);
});

describe('a command table', () => {
  const each = { least: 1, most: 1, summary: 'A test.', run: () => integer(7) };

  it.each(['ping', 'command', 'own'])('refuses to register %s twice', (name) => {
    const server = new RespServer({ commands: [['own', each]] });
    expect(() => server.register([[name, each]])).toThrow(
      expect.objectContaining({ name: 'RespServerError', code: 'DUPLICATE_COMMAND' }),
    );
  });
});

it('PING gets the error of `notReady` while the server is not ready', async () => {
  let isReady = false;
  const notReady = () => (isReady ? undefined : error('LOADING not yet'));
  const talker = await Talker.connect(await listening({ notReady }));
  expect(await talker.ask('PING')).toBe('-LOADING not yet');
  isReady = true;
  expect(await talker.ask('PING', 'a')).toBe('a');
});

it('HELLO reports the current identity', async () => {
  const identity = { server: 'valkey', version: '9.1.0', role: 'master' as 'master' | 'replica' };
  const talker = await Talker.connect(await listening({ identity }));
  expect(await talker.ask('HELLO', '3')).toMatchObject({ server: 'valkey', role: 'master' });
  identity.role = 'replica';
  expect(await talker.ask('HELLO', '3')).toMatchObject({ version: '9.1.0', role: 'replica' });
});

it('CLIENT KILL TYPE closes connections that are not clients too, if only their type is given', async () => {
  const asked: ClientType[] = [];
  const closeOthers = (type: ClientType) => asked.push(type);
  const talker = await Talker.connect(await listening({ closeOthers }));
  expect(await talker.ask('CLIENT', 'KILL', 'TYPE', 'master', 'SKIPME', 'yes')).toBe(1);
  expect(await talker.ask('CLIENT', 'KILL', 'TYPE', 'master', 'MAXAGE', '1')).toBe(0);
  expect(asked).toEqual(['primary']);
});

describe('an upgraded client', () => {
  /** A server whose command TAKE upgrades the client, and the bytes after it. */
  async function upgrading() {
    let taken: Client | undefined;
    let text = '';
    let closed = 0;
    const take: Command = {
      least: 1,
      most: 1,
      summary: 'Upgrades the connection.',
      run: (client) => {
        client.upgrade({
          type: 'replica',
          onBytes: (bytes) => {
            text += Buffer.from(bytes).toString();
            if (text.endsWith('fault')) throw new Error('a fault of the owner');
          },
        });
        client.onClose(() => closed++);
        taken = client;
        client.write('taken\r\n');
        return undefined;
      },
    };
    const faults: unknown[] = [];
    const clock = new SimulatedClock();
    const server = await listening({
      commands: [['take', take]],
      clock,
      idleTimeout: 1000,
      maxClients: 2,
      onFault: (fault) => faults.push(fault),
    });
    const peer = await Peer.connect(server.port);
    return {
      server,
      clock,
      peer,
      faults,
      taken: () => taken!,
      text: () => text,
      closed: () => closed,
    };
  }

  it('passes all bytes after the request to its owner, including bytes of the same write', async () => {
    const { peer, text } = await upgrading();
    peer.sendRaw('PING\r\nTAKE\r\nPING\r\nno command');
    expect(await peer.line()).toBe('+PONG');
    expect(await peer.line()).toBe('taken');
    peer.sendRaw(' at all');
    await expect.poll(text).toBe('PING\r\nno command at all');
    expect(peer.received).toBe('');
  });

  it('is still listed, counted and closed by CLIENT, under the type of its owner', async () => {
    const { server, peer, closed, taken } = await upgrading();
    peer.sendRaw('TAKE\r\n');
    expect(await peer.line()).toBe('taken');
    const other = await Talker.connect(server);
    expect(await other.ask('CLIENT', 'LIST', 'TYPE', 'replica')).toMatch(/^id=1 .* flags=S /);
    expect(server.counts).toMatchObject({ clients: 1, connections: 2 });
    taken().write('x'.repeat(1000));
    await peer.bytes(1000);
    expect(server.traffic.upgradedOutput).toBe(1007);
    expect(await (await Peer.connect(server.port)).line()).toMatch(/^-ERR max number of clients/);
    expect(await other.ask('CLIENT', 'KILL', 'TYPE', 'replica')).toBe(1);
    await peer.ended();
    await expect.poll(closed).toBe(1);
  });

  it('is sent no messages of channels that it subscribed to before', async () => {
    const { server, peer } = await upgrading();
    peer.sendRaw('HELLO 3\r\nSUBSCRIBE c\r\nTAKE\r\n');
    await expect.poll(() => peer.received).toMatch(/taken\r\n$/);
    expect(server.channels.publish('c', 'a message')).toBe(0);
  });

  it('is not disconnected by a time-out of the server', async () => {
    const { server, clock, peer, text } = await upgrading();
    peer.sendRaw('TAKE\r\n');
    expect(await peer.line()).toBe('taken');
    clock.advance(100_000);
    expect([...server.clients]).toHaveLength(1);
    peer.sendRaw('still here');
    await expect.poll(text).toBe('still here');
  });

  it('is disconnected when its owner throws an error, which is reported', async () => {
    const { peer, faults } = await upgrading();
    peer.sendRaw('TAKE\r\nfault');
    await peer.ended();
    expect(faults).toEqual([new Error('a fault of the owner')]);
  });
});
