import { StreamTracker } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { randomFrom, runSeed } from '@forebay/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { MemorySource } from '../src/embedded/memory-source.ts';
import { ReplicationServer } from '../src/index.ts';
import { Peer } from './peer.ts';

/** A stream as a log has it: with its last boundary. */
class TrackedSource extends MemorySource {
  readonly #tracker = new StreamTracker({ offset: 0 });

  get boundary(): number {
    return this.#tracker.boundary.offset;
  }

  override append(bytes: Uint8Array): void {
    this.#tracker.push(bytes);
    super.append(bytes);
  }
}

interface Served {
  readonly server: ReplicationServer;
  /** The next bytes of the stream. */
  propagate(...parts: Uint8Array[]): void;
}

async function served(backlogSize?: number): Promise<Served> {
  const source = new TrackedSource();
  const server = new ReplicationServer(source, backlogSize === undefined ? {} : { backlogSize });
  onTestFinished(() => server.close());
  await server.listen();
  const propagate = (...parts: Uint8Array[]) => {
    const bytes = Uint8Array.from(Buffer.concat(parts));
    source.append(bytes);
    server.propagate(bytes);
  };
  return { server, propagate };
}

async function subscriber({ server }: Served, verb: string, name: string): Promise<Peer> {
  const peer = await Peer.connect(server.port);
  peer.send(verb, name);
  await expect.poll(() => peer.received).toMatch(/:1\r\n$/);
  return peer;
}

const published = (text: string, name = 'PUBLISH') => encodeCommand([name, 'news', text]);

/** All messages that came so far, in their order. */
function texts(peer: Peer): string[] {
  const messages = peer.received.matchAll(
    /message\r\n(?:\$\d+\r\n(?:new|news|\*)[^\r]*\r\n)+\$\d+\r\n(.*)\r\n/g,
  );
  return Array.from(messages, ([, text]) => text!);
}

it.each([
  ['SUBSCRIBE', 'news', ['a', 'b', 'd']],
  ['PSUBSCRIBE', 'new*', ['a', 'b', 'd']],
  ['SSUBSCRIBE', 'news', ['c']],
])('%s %s gets what the stream publishes, and nothing twice', async (verb, name, expected) => {
  const told = await served();
  const peer = await subscriber(told, verb, name);
  told.propagate(
    ...[encodeCommand(['SELECT', 0]), published('a'), published('b', 'Publish')],
    ...[encodeCommand(['SET', 'k', 'v']), published('c', 'spublish'), published('d')],
  );
  await expect.poll(() => texts(peer)).toEqual(expected);
});

it('messages published inside a transaction are sent at its end', async () => {
  const told = await served();
  const peer = await subscriber(told, 'SUBSCRIBE', 'news');
  told.propagate(encodeCommand(['MULTI']), published('inside'));
  const other = await Peer.connect(told.server.port);
  expect(await other.ask('PUBLISH', 'news', 'before')).toBe(':1');
  told.propagate(encodeCommand(['EXEC']), published('after'));
  await expect.poll(() => texts(peer)).toEqual(['before', 'inside', 'after']);
});

it('a subscriber that subscribes within a command or transaction gets the messages after it, wherever chunks end', async () => {
  const random = randomFrom(runSeed());
  for (let round = 0; round < 20; round++) {
    const told = await served();
    // It looks like a message, and is the value of a key.
    const commands = [
      encodeCommand(['SET', 'k', Buffer.concat([published('no'), published('no')])]),
      ...[encodeCommand(['MULTI']), published('first'), encodeCommand(['EXEC'])],
      ...Array.from({ length: 20 }, (_, i) => published(`m${i}`)),
    ];
    const stream = Buffer.concat(commands);
    const begin = random.integer(1, commands[0]!.length);
    told.propagate(stream.subarray(0, begin));
    const peer = await subscriber(told, 'SUBSCRIBE', 'news');
    for (let at = begin; at < stream.length; ) {
      const next = at + random.integer(1, 40);
      told.propagate(stream.subarray(at, next));
      at = next;
    }
    const expected = ['first', ...Array.from({ length: 20 }, (_, i) => `m${i}`)];
    const message = `seed ${random.seed}, round ${round}`;
    await expect.poll(() => texts(peer), { message }).toEqual(expected);
  }
});

it('a command above the memory limit is skipped, and later messages are sent', async () => {
  const told = await served(16_384);
  const large = encodeCommand(['SET', 'k', 'x'.repeat(100_000)]);
  told.propagate(large.subarray(0, 50_000));
  const peer = await subscriber(told, 'SUBSCRIBE', 'news');
  told.propagate(large.subarray(50_000));
  told.propagate(published('a'));
  await expect.poll(() => texts(peer)).toEqual(['a']);
});

it('a subscriber gets the messages of the new stream after a full resync of forebay', async () => {
  const told = await served();
  const peer = await subscriber(told, 'SUBSCRIBE', 'news');
  told.propagate(published('a'));
  told.server.restart();
  told.propagate(published('b'));
  await expect.poll(() => texts(peer)).toEqual(['a', 'b']);
});
