import type { RespValue } from '@forebay/resp';
import { encodeCommand, RespDecoder } from '@forebay/resp';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PrimaryOptions } from '../src/index.ts';
import { integer, Primary } from '../src/index.ts';
import { Peer } from './peer.ts';

async function listening(options: PrimaryOptions = {}): Promise<Primary> {
  const primary = new Primary({ pingPeriod: 0, ...options });
  onTestFinished(() => primary.close());
  await primary.listen();
  return primary;
}

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

  static async connect(primary: Primary): Promise<Talker> {
    return new Talker(await Peer.connect(primary.port));
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
  it('chooses a version, in which all that follows is answered', async () => {
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

  it.each([['GET', 'k'], ['ECHO'], ['SUBSCRIBE', 'a'], ['SYNC']])(
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
  it('go to who listens by name, and by pattern', async () => {
    const primary = await listening();
    const [listener, speaker] = [await Talker.connect(primary), await Talker.connect(primary)];
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

  it('come as pushes to who speaks RESP3, which may do all else meanwhile', async () => {
    const primary = await listening();
    const talker = await Talker.connect(primary);
    await talker.ask('HELLO', '3');
    talker.send('SUBSCRIBE', 'a');
    expect(await talker.next()).toEqual(['subscribe', 'a', 1]);
    talker.send('PUBLISH', 'a', 'me');
    expect([await talker.next(), await talker.next()]).toEqual([['message', 'a', 'me'], 1]);
    expect(await talker.ask('UNSUBSCRIBE')).toEqual(['unsubscribe', 'a', 0]);
    expect(await talker.ask('UNSUBSCRIBE')).toEqual(['unsubscribe', null, 0]);
  });

  it('end with RESET', async () => {
    const primary = await listening();
    const talker = await Talker.connect(primary);
    await talker.ask('SUBSCRIBE', 'a');
    expect(await talker.ask('RESET')).toBe('RESET');
    expect(await talker.ask('PUBLISH', 'a', 'x')).toBe(0);
  });
});

it('COMMAND tells what is served, of the table itself', async () => {
  const talker = await Talker.connect(await listening());
  await talker.ask('HELLO', '3');
  const all = (await talker.ask('COMMAND')) as unknown[][];
  expect(await talker.ask('COMMAND', 'COUNT')).toBe(all.length);
  expect(await talker.ask('COMMAND', 'LIST')).toEqual(all.map(([name]) => name));
  const [psync, none] = (await talker.ask('COMMAND', 'INFO', 'psync', 'get')) as unknown[][];
  expect([psync?.slice(0, 2), none]).toEqual([['psync', -3], null]);
  const docs = (await talker.ask('COMMAND', 'DOCS')) as Record<string, { summary: string }>;
  expect(Object.keys(docs)).toHaveLength(all.length);
  expect(docs.role?.summary).not.toBe('');
});

it('an application adds commands, and replaces some', async () => {
  const each = { least: 1, most: 1, summary: 'A test.' };
  const commands = new Map([
    ['role', { ...each, run: () => integer(7) }],
    ['dbsize', { ...each, run: async () => integer(9) }],
  ]);
  const talker = await Talker.connect(await listening({ commands }));
  expect(await talker.ask('ROLE')).toBe(7);
  expect(await talker.ask('DBSIZE')).toBe(9);
  expect(await talker.ask('COMMAND', 'LIST')).toContain('dbsize');
});

it('who is idle is let go where that is asked for; a subscriber is not', async () => {
  const clock = new SimulatedClock();
  const primary = await listening({ idleTimeout: 5000, timeout: 1000, clock });
  const [idle, listener] = [await Talker.connect(primary), await Talker.connect(primary)];
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
  const primary = await listening({ clock });
  const old = await Talker.connect(primary);
  expect(await old.ask('PING')).toBe('PONG');
  clock.advance(10_000);
  const young = await Talker.connect(primary);
  expect(await young.ask('CLIENT', 'KILL', 'MAXAGE', '11', 'SKIPME', 'no')).toBe(0);
  expect(await young.ask('CLIENT', 'KILL', 'MAXAGE', '10', 'SKIPME', 'no')).toBe(1);
  await expect.poll(() => old.peer.closed).toBe(true);
  expect(await young.ask('CLIENT', 'LIST')).toMatch(/^id=2 .* cmd=client\|list .* tot-cmds=3\n$/);
});
