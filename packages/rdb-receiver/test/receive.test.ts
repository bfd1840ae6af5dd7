import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bytesOf,
  concatBytes,
  everySplit,
  randomFrom,
  runSeed,
  splitAtRandom,
  textOf,
} from '@forebay/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ReceiveProgress, receiveRdb } from '../src/node/index.ts';

const MARK = '0123456789abcdef0123456789abcdef01234567';
const withCode = (code: string, fields: object = {}) =>
  expect.objectContaining({ name: 'RdbReceiverError', code, ...fields });

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forebay-receive-'));
  path = join(directory, 'dump.rdb');
  await writeFile(path, 'what was there');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function expectUntouched(): Promise<void> {
  expect(await readFile(path, 'utf8')).toBe('what was there');
  expect(await readdir(directory)).toEqual(['dump.rdb']);
}

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield bytesOf(text);
}

describe('a receive', () => {
  it.each([
    ['a length', '\n\n$9\r\nREDIS0012*1\r\n'],
    ['a mark', `\n\n$EOF:${MARK}\r\nREDIS0012${MARK}*1\r\n`],
  ])('of a payload with %s leaves it in the file, at every split', async (_, text) => {
    // The time of each is another second, so that no two want the same name.
    let time = 0;
    for (const { name, pieces } of everySplit(bytesOf(text))) {
      time += 1000;
      const source = chunksOf(...pieces.map(textOf));
      const { bytes, rest } = await receiveRdb(source, { directory, path, now: () => time });
      const after: Uint8Array[] = [rest];
      for await (const chunk of source) after.push(chunk);
      expect(bytes, name).toBe(9);
      expect(textOf(concatBytes(after)), name).toBe('*1\r\n');
      expect(await readFile(path, 'utf8'), name).toBe('REDIS0012');
      expect(await readdir(directory), name).toEqual(['dump.rdb']);
    }
  });

  it('says how far it is after each chunk, keepalives included', async () => {
    const seen: ReceiveProgress[] = [];
    let time = 5000;
    const onProgress = (progress: ReceiveProgress) => {
      seen.push(progress);
      time++;
    };
    const source = chunksOf('\n', '$9\r\nRED', 'IS', '0012');
    await receiveRdb(source, { directory, path, onProgress, now: () => time });
    expect(seen).toEqual([
      { total: undefined, read: 0, lastIo: 5000 },
      { total: 9, read: 3, lastIo: 5001 },
      { total: 9, read: 5, lastIo: 5002 },
      { total: 9, read: 9, lastIo: 5003 },
    ]);
  });

  it('shows the payload as it passes by', async () => {
    const seen: string[] = [];
    const source = chunksOf(`$EOF:${MARK}\r\nREDIS0`, `012${MARK}+`);
    await receiveRdb(source, { directory, path, onBytes: (bytes) => seen.push(textOf(bytes)) });
    expect(seen.join('')).toBe('REDIS0012');
  });
});

describe('a receive that fails', () => {
  it.each([
    ['CUT_SHORT', ['\n', '$9\r\nREDIS']],
    ['CUT_SHORT', [`$EOF:${MARK}\r\nREDIS0012${MARK.slice(1)}`]],
    ['CUT_SHORT', []],
    ['REFUSED', ['\n', "-ERR Can't", ' SYNC\r\n']],
    ['BAD_HEADER', ['+OK\r\n']],
    ['EMPTY_PAYLOAD', [`$EOF:${MARK}\r\n${MARK}`]],
    ['LENGTH_OUT_OF_RANGE', ['$1001\r\nREDIS']],
  ])('with %s leaves what was there: %j', async (code, texts) => {
    const received = receiveRdb(chunksOf(...texts), { directory, path, maxLength: 1000 });
    await expect(received).rejects.toThrow(withCode(code));
    await expectUntouched();
  });

  it('tells the error of the source', async () => {
    const cause = new Error('read ECONNRESET');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytesOf('$9\r\nREDIS');
      throw cause;
    }
    const received = receiveRdb(source(), { directory, path });
    await expect(received).rejects.toThrow(withCode('SOURCE', { cause }));
    await expectUntouched();
  });

  it('passes on what a callback throws', async () => {
    const thrown = new RangeError('of the caller');
    const onBytes = () => {
      throw thrown;
    };
    const received = receiveRdb(chunksOf('$9\r\nREDIS'), { directory, path, onBytes });
    await expect(received).rejects.toBe(thrown);
    await expectUntouched();
  });

  it('tells that the file cannot be made', async () => {
    const received = receiveRdb(chunksOf('$5\r\nREDIS'), { directory: path, path });
    await expect(received).rejects.toThrow(withCode('IO', { systemCode: 'ENOTDIR' }));
    await expectUntouched();
  });

  it('ends when the caller says so, while it waits for bytes that do not come', async () => {
    const abort = new AbortController();
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytesOf('$9\r\nREDIS');
      abort.abort('enough');
      await new Promise(() => {});
    }
    const received = receiveRdb(source(), { directory, path, signal: abort.signal });
    await expect(received).rejects.toThrow(withCode('ABORTED', { cause: 'enough' }));
    await expectUntouched();
  });

  it('does not begin when the caller has said so before', async () => {
    const signal = AbortSignal.abort();
    const received = receiveRdb(chunksOf('$5\r\nREDIS'), { directory, path, signal });
    await expect(received).rejects.toThrow(withCode('ABORTED'));
    await expectUntouched();
  });
});

describe('over a socket', () => {
  it('the payload arrives whole, and the stream goes on with the same socket', async () => {
    const random = randomFrom(runSeed());
    const payload = random.bytes(3_000_000);
    const all = concatBytes([bytesOf(`\n$EOF:${MARK}\r\n`), payload, bytesOf(`${MARK}*1\r\n`)]);
    await withConnection(async (peer, socket) => {
      for (const piece of splitAtRandom(all, random, 100_000)) peer.write(piece);
      const { bytes, rest } = await receiveRdb(socket, { directory, path });
      expect(bytes).toBe(payload.length);
      expect((await readFile(path)).equals(payload), `seed ${random.seed}`).toBe(true);

      expect(socket.destroyed).toBe(false);
      let stream = textOf(rest);
      const arrived = new Promise<void>((resolve) => {
        socket.on('data', (chunk) => {
          stream += textOf(chunk);
          if (stream.endsWith('PING\r\n')) resolve();
        });
      });
      socket.write('REPLCONF ACK 0\r\n');
      await once(peer, 'data');
      peer.write('$4\r\nPING\r\n');
      await arrived;
      expect(stream).toBe('*1\r\n$4\r\nPING\r\n');
    });
  });

  it('a connection that is reset leaves what was there', async () => {
    await withConnection(async (peer, socket) => {
      const received = receiveRdb(socket, {
        directory,
        path,
        onProgress: ({ read }) => {
          if (read === 5) peer.resetAndDestroy();
        },
      });
      peer.write('$9\r\nREDIS');
      await expect(received).rejects.toThrow(
        withCode('SOURCE', { cause: expect.objectContaining({ code: 'ECONNRESET' }) }),
      );
      await expectUntouched();
    });
  });

  it('a receive that is aborted leaves the socket to its owner', async () => {
    await withConnection(async (peer, socket) => {
      const abort = new AbortController();
      const onProgress = () => abort.abort();
      const target = { directory, path, onProgress, signal: abort.signal };
      const received = receiveRdb(socket, target);
      peer.write('$9\r\nREDIS');
      await expect(received).rejects.toThrow(withCode('ABORTED'));
      expect(socket.destroyed).toBe(false);
      await expectUntouched();
    });
  });
});

async function withConnection(work: (peer: Socket, socket: Socket) => Promise<void>) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  try {
    await work(peer, socket);
  } finally {
    socket.destroy();
    peer.destroy();
    server.close();
  }
}
