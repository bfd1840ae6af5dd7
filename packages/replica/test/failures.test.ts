import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import { freePort, ScriptedPrimary } from '@forebay/conformance';
import { bytesOf, concatBytes } from '@forebay/testkit';
import { describe, type ExpectStatic, it } from 'vitest';
import type { ReplicaErrorCode } from '../src/index.ts';
import { counted, fullResync, ID, MARK, rdb } from './payloads.ts';
import { Taker } from './taker.ts';

const SECRET = 'hunter2 "and" more';
const RDB = rdb();

/** Every line that a failed attempt shows, in one piece. */
function shown(taker: Taker): string {
  return taker.errors.map(({ message, reply }) => `${message}\n${reply}`).join('\n');
}

async function firstError(taker: Taker, expect: ExpectStatic) {
  await expect.poll(() => taker.errors.length).toBeGreaterThan(0);
  const error = taker.errors[0]!;
  expect(error.message).not.toContain('\n');
  expect(shown(taker)).not.toContain('hunter2');
  return error;
}

describe.concurrent('no primary there', () => {
  it.for(['127.0.0.1', 'localhost'])('nothing listens at %s', async (host, { expect }) => {
    const port = await freePort();
    await using taker = new Taker({
      url: `redis://:${encodeURIComponent(SECRET)}@${host}:${port}`,
    });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'UNREACHABLE' });
    expect(error.message).toBe(`${host}:${port} cannot be reached: ECONNREFUSED`);
  });

  it('a unix socket that does not exist', async ({ expect }) => {
    await using taker = new Taker({ url: 'unix:///nowhere/redis.sock' });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'UNREACHABLE' });
    expect(error.message).toContain('/nowhere/redis.sock');
  });

  it('a name that does not resolve', async ({ expect }) => {
    await using taker = new Taker({ url: 'redis://no-such-host.invalid:7000', password: SECRET });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'UNRESOLVED' });
    expect(error.message).toBe('no address is known for no-such-host.invalid:7000');
  });

  it('an HTTP server', async ({ expect }) => {
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using taker = new Taker({ url: `redis://127.0.0.1:${port}`, password: SECRET });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'NOT_UNDERSTOOD', reply: 'HTTP/1.1 400 Bad Request' });
    expect(error.message).toContain(`127.0.0.1:${port} is no Redis or Valkey`);
    server.close();
  });

  it('an HTTP server where TLS is due', async ({ expect }) => {
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using taker = new Taker({ url: `rediss://127.0.0.1:${port}` });
    expect(await firstError(taker, expect)).toMatchObject({ code: 'TLS' });
    server.close();
  });
});

describe.concurrent('a port that closes a link without a word', () => {
  it('is not reported as a TLS port if it does not answer TLS either', async ({ expect }) => {
    const server = createPlainServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using taker = new Taker({ url: `redis://127.0.0.1:${port}` });
    expect(await firstError(taker, expect)).toMatchObject({ code: 'LINK_LOST' });
    server.close();
  });

  it('is left at once by a replica that is detached', async ({ expect }) => {
    let links = 0;
    const server = createPlainServer((socket) => {
      links++;
      // The link is closed; the connection that tries TLS gets no answer.
      if (links === 1) socket.once('data', () => socket.destroy());
      else socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using taker = new Taker({ url: `redis://127.0.0.1:${port}` });
    await expect.poll(() => links).toBe(2);
    expect(taker.errors).toEqual([]);
    await taker.replica.detach();
    expect(taker.errors).toEqual([]);
    server.close();
  });

  it('is reported as a TLS port if it sends a TLS alert', async ({ expect }) => {
    const server = createPlainServer((socket) => {
      socket.once('data', () => socket.end(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using taker = new Taker({ url: `redis://127.0.0.1:${port}` });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'TLS', tlsFault: 'expected' });
    expect(error.message).toBe(`127.0.0.1:${port} expects TLS: use rediss://`);
    server.close();
  });
});

/** What a primary does, and what the attempt ends with. */
const LIES: [name: string, wire: Uint8Array | string, code: ReplicaErrorCode, says: RegExp][] = [
  [
    'a length of 2^63',
    fullResync(0, bytesOf('$9223372036854775808\r\n')),
    'BAD_PAYLOAD',
    /9223372036854775808/,
  ],
  [
    'a length of 2^64 - 1',
    fullResync(0, bytesOf('$18446744073709551615\r\n')),
    'BAD_PAYLOAD',
    /length/,
  ],
  ['a negative length', fullResync(0, bytesOf('$-1\r\n')), 'BAD_PAYLOAD', /length/],
  ['an empty payload', fullResync(0, bytesOf('$0\r\n')), 'BAD_PAYLOAD', /0 bytes/],
  ['a short mark', fullResync(0, bytesOf('$EOF:abc\r\n')), 'BAD_PAYLOAD', /mark/],
  ['no header', fullResync(0, bytesOf('+OK\r\n')), 'BAD_PAYLOAD', /header/],
  ['a header without end', fullResync(0, bytesOf('$'.repeat(2000))), 'BAD_PAYLOAD', /1023/],
  [
    'a payload that is no RDB',
    fullResync(0, counted(bytesOf('<html></html>'))),
    'BAD_PAYLOAD',
    /RDB/,
  ],
  [
    'an RDB shorter than its head',
    fullResync(0, counted(RDB.subarray(0, 5))),
    'BAD_PAYLOAD',
    /byte 5/,
  ],
  [
    'a marked RDB shorter than its head',
    fullResync(0, bytesOf(`$EOF:${MARK}\r\nREDIS0011\xfa\x05redis${MARK}`)),
    'BAD_PAYLOAD',
    /the RDB ends at byte 16, before its end/,
  ],
  [
    'an error in place of a payload',
    fullResync(0, bytesOf('-ERR no disk\r\n')),
    'REFUSED',
    /no disk/,
  ],
  [
    '"loading" in place of a payload',
    fullResync(0, bytesOf('-LOADING\r\n')),
    'TRY_LATER',
    /LOADING/,
  ],
  ['a reply without end', `+${'x'.repeat(5000)}`, 'NOT_UNDERSTOOD', /4096 bytes/],
  ['a CONTINUE that nobody asked for', `+CONTINUE ${ID}\r\n`, 'NOT_UNDERSTOOD', /CONTINUE/],
  ['"loading"', '-LOADING Redis is loading the dataset in memory\r\n', 'TRY_LATER', /LOADING/],
  ['"no right"', '-NOAUTH Authentication required.\r\n', 'DENIED', /masterauth|password/],
];

describe.concurrent('a primary that lies', () => {
  it.for(LIES)('%s', async ([_, wire, code, says], { expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(wire);
    });
    await using taker = new Taker({ url: primary.url });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(says);
    expect(error.message).toContain(`127.0.0.1:${primary.port}`);
    expect(taker.items.some(({ type }) => type === 'snapshot-end')).toBe(false);
    const begun = taker.types.includes('full-resync');
    expect(taker.types.includes('snapshot-aborted')).toBe(begun);
  });
});

describe.concurrent('credentials', () => {
  const url = (port: number) => `redis://user:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`;

  it('of the URL are given', async ({ expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake({ password: ['user', SECRET] });
      await peer.send(fullResync(0, counted(RDB)));
    });
    await using taker = new Taker({ url: url(primary.port) });
    await expect.poll(() => taker.replica.state).toBe('stream');
  });

  it('of the options go before those of the URL', async ({ expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake({
        password: ['other', 'é'.normalize('NFC')].map((word) =>
          Buffer.from(word).toString('latin1'),
        ),
      });
      await peer.send(fullResync(0, counted(RDB)));
    });
    await using taker = new Taker({ url: url(primary.port), username: 'other', password: 'é' });
    await expect.poll(() => taker.replica.state).toBe('stream');
  });

  it('that are wrong are refused with advice', async ({ expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake({ password: ['user', 'another'] });
    });
    await using taker = new Taker({ url: url(primary.port) });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'DENIED' });
    expect(error.message).toMatch(
      /denies AUTH to user "user".*WRONGPASS.*check the user and the password/,
    );
  });

  it('that are missing are asked for', async ({ expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.expect('PING');
      await peer.send('-NOAUTH Authentication required.\r\n');
      for (;;) {
        await peer.command();
        await peer.send('-NOAUTH Authentication required.\r\n');
      }
    });
    await using taker = new Taker({ url: primary.url });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'DENIED' });
    expect(error.message).toContain('give a password');
  });

  it.for<[string, (secret: string) => string]>([
    [
      'whole',
      (secret: string) =>
        `-ERR unknown command 'AUTH', with args beginning with: 'user' '${secret}' `,
    ],
    ['cut short', () => '-ERR unknown command `AUTH`, with args beginning with: `user`, `hunter2 '],
    ['in words of its own', (secret: string) => `-ERR ${secret} is no password of mine`],
    ['as its whole answer', (secret: string) => `-${secret}`],
    ['as junk', (secret: string) => secret],
  ])('that the primary repeats, %s, are not shown', async ([_, answer], { expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.expect('PING');
      await peer.send('+PONG\r\n');
      const words = await peer.expect('AUTH');
      await peer.send(`${answer(words.at(-1)!)}\r\n`);
    });
    await using taker = new Taker({ url: url(primary.port) });
    const error = await firstError(taker, expect);
    expect(error.message).not.toMatch(/more/);
  });

  it('that the primary repeats later are not shown either', async ({ expect }) => {
    const refused: string[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake({ password: ['user', SECRET], replconf: { version: `-ERR ${SECRET}` } });
      await peer.send(`-ERR ${SECRET}\r\n`);
      await peer.expect('SYNC');
      await peer.send(`-ERR ${SECRET}\r\n`);
    });
    await using taker = new Taker({ url: url(primary.port) });
    taker.replica.on('option-refused', (_, reply) => refused.push(reply));
    expect(await firstError(taker, expect)).toMatchObject({ code: 'REFUSED' });
    expect(refused[0]).toMatch(/^-ERR/);
    expect(refused.join()).not.toContain('hunter2');
  });
});

describe.concurrent('a primary that stalls', () => {
  const PATIENT = 60_000;
  const timeouts = { connect: PATIENT, handshake: PATIENT, transfer: PATIENT, idle: PATIENT };

  it.for([
    ['after PING', 'handshake', []],
    ['after PSYNC', 'handshake', [new Uint8Array(0)]],
    ['before the payload', 'transfer', [fullResync(0, new Uint8Array(0))]],
    ['in the payload', 'transfer', [fullResync(0, counted(RDB)).subarray(0, -1)]],
    ['in the stream', 'idle', [fullResync(0, counted(RDB))]],
  ] as const)('%s: the link is given up', async ([_, phase, wires], { expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      for (const [i, wire] of wires.entries()) {
        if (i === 0) await peer.handshake();
        await peer.send(wire);
      }
    });
    await using taker = new Taker({ url: primary.url, timeouts: { ...timeouts, [phase]: 100 } });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(error.message).toContain(`127.0.0.1:${primary.port}`);
    await primary.connected(2);
  });

  it('in the handshake of TLS: the link is given up', async ({ expect }) => {
    await using primary = await ScriptedPrimary.listen(async () => {});
    const url = `rediss://127.0.0.1:${primary.port}`;
    await using taker = new Taker({ url, timeouts: { ...timeouts, connect: 100 } });
    const error = await firstError(taker, expect);
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(error.message).toContain('connect');
  });

  it('but says newlines is waited for', async ({ expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      const beat = setInterval(() => void peer.send('\n').catch(() => {}), 100);
      await peer.closed.finally(() => clearInterval(beat));
    });
    await using taker = new Taker({
      url: primary.url,
      timeouts: { ...timeouts, handshake: 3000 },
    });
    let beats = 0;
    taker.replica.on('snapshot-awaited', () => beats++);
    await expect.poll(() => beats).toBeGreaterThan(60);
    expect(taker.errors).toEqual([]);
  });
});

describe.concurrent('a primary that cuts every link', () => {
  it.for([
    ['at once', undefined, 'handshake'],
    ['after PSYNC', '', 'handshake'],
    ['in the payload', fullResync(0, counted(RDB)).subarray(0, -1), 'transfer'],
    ['in the stream', concatBytes([fullResync(0, counted(RDB)), bytesOf('*1\r\n')]), 'stream'],
  ])('%s meets no hot loop', async ([_, wire, phase], { expect }) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      if (wire !== undefined) await peer.handshake();
      if (wire !== undefined) await peer.send(wire);
      peer.end();
    });
    const backoff = { initialDelay: 100, maxDelay: 400 };
    const since = performance.now();
    await using taker = new Taker({ url: primary.url, backoff });
    const attempts = () => taker.states.filter((state) => state === 'connect').length;
    await expect.poll(attempts, { timeout: 20_000 }).toBeGreaterThanOrEqual(6);
    const took = performance.now() - since;
    // One attempt may be at once; four waits of at least half of 100, 200, 400 and 400 ms.
    expect(took).toBeGreaterThan(545);
    expect(taker.errors[0]).toMatchObject({ code: 'LINK_LOST' });
    expect(taker.errors[0]?.message).toContain(phase);
    expect(taker.delays.filter((delay) => delay === 0).length).toBe(phase === 'stream' ? 1 : 0);
    expect(taker.delays.indexOf(0)).toBe(phase === 'stream' ? 0 : -1);
  });
});
