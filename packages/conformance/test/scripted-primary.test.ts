import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  ConformanceError,
  type Handshake,
  installedServers,
  ScriptedPrimary,
  Server,
} from '../src/index.ts';

async function socketTo(primary: ScriptedPrimary): Promise<Socket> {
  const socket = connect({ port: primary.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

function firstData(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))));
}

describe('a scripted peer', () => {
  it('returns commands, RESP and inline, and counts bare newlines apart', async () => {
    const { promise, resolve } = deferred<unknown>();
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const first = await peer.command();
      const second = await peer.expect('replconf', 'ack');
      const third = await peer.command();
      resolve({ first, second, third, newlines: peer.newlines });
    });
    const socket = await socketTo(primary);
    socket.write(
      'PING\r\n\n\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n\n7\r\n\n*1\r\n$1\r\n\xff\r\n',
      'latin1',
    );
    expect(await promise).toEqual({
      first: ['PING'],
      second: ['REPLCONF', 'ACK', '\n7'],
      third: ['\xff'],
      newlines: 3,
    });
    socket.destroy();
  });

  it('rejects a wait for a command when the replica closes, which fails no test', async () => {
    const { promise, resolve } = deferred<unknown>();
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const error = await peer.command().catch((thrown: unknown) => thrown);
      resolve(error);
      throw error;
    });
    (await socketTo(primary)).end();
    expect(await promise).toMatchObject({ code: 'PEER_CLOSED' });
    expect(primary.errors).toEqual([]);
  });

  it('throws at dispose what its scripts threw', async () => {
    const primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.expect('PSYNC');
    });
    const socket = await socketTo(primary);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('PING\r\n');
    await closed;
    const error = await primary[Symbol.asyncDispose]().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConformanceError);
    expect((error as ConformanceError).errors).toMatchObject([{ code: 'UNEXPECTED_COMMAND' }]);
  });

  it('cuts with a reset and ends in order', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer, number) => {
      await peer.send('+hello\r\n');
      if (number === 1) peer.end();
      else peer.cut();
    });
    for (const expected of [undefined, 'ECONNRESET']) {
      const socket = connect({ port: primary.port, host: '127.0.0.1' });
      let code: string | undefined;
      socket.on('error', (error: NodeJS.ErrnoException) => {
        code = error.code;
      });
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
      expect(code).toBe(expected);
    }
    expect(primary.connections).toBe(2);
  });

  it('asks for a password when told to', async () => {
    const { promise, resolve } = deferred<Handshake>();
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      resolve(await peer.handshake({ password: ['user', 'secret'] }));
    });
    const socket = await socketTo(primary);
    socket.write('PING\r\n');
    expect(await firstData(socket)).toMatch(/^-NOAUTH/);
    socket.write('AUTH user wrong\r\n');
    expect(await firstData(socket)).toMatch(/^-WRONGPASS/);
    socket.write('AUTH user secret\r\n');
    expect(await firstData(socket)).toBe('+OK\r\n');
    socket.write('REPLCONF capa eof capa psync2\r\n');
    expect(await firstData(socket)).toBe('+OK\r\n');
    socket.write('PSYNC ? -1\r\n');
    const { replconf, psync } = await promise;
    expect(replconf.get('capa')).toEqual(['eof', 'psync2']);
    expect(psync).toEqual(['PSYNC', '?', '-1']);
    socket.destroy();
  });
});

describe.each(installedServers())('a scripted primary to $name', (installed) => {
  it('is negotiated with, serves a full sync and a stream, and is acknowledged', async () => {
    await using source = await Server.start(installed);
    await source.command('SET', 'in the base', 'yes');
    const rdb = await syncedBase(source);
    const { promise, resolve } = deferred<string[]>();
    const write = '*3\r\n$3\r\nSET\r\n$6\r\nstream\r\n$3\r\nyes\r\n';
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const { replconf, psync } = await peer.handshake();
      expect(replconf.get('capa')).toContain('psync2');
      expect(psync[0]).toBe('PSYNC');
      await peer.send(`+FULLRESYNC ${'a'.repeat(40)} 1000\r\n`);
      await peer.send(`$${rdb.length}\r\n`);
      await peer.send(rdb);
      await peer.send(write);
      await peer.send('*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n');
      for (;;) {
        const command = await peer.expect('REPLCONF', 'ACK');
        if (Number(command[2]) < 1000 + write.length) continue;
        resolve(command);
        break;
      }
      await peer.closed;
    });
    await using replica = await Server.start(installed, {
      config: { replicaof: `127.0.0.1 ${primary.port}` },
    });
    expect(Number((await promise)[2])).toBe(1000 + write.length);
    expect(await replica.command('MGET', 'in the base', 'stream')).toEqual(['yes', 'yes']);
  });
});

/** The RDB of a server, as it saves it. */
async function syncedBase(server: Server): Promise<Buffer> {
  await server.command('SAVE');
  return readFile(`${server.directory}/dump.rdb`);
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
