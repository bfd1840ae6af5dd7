import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { lstat, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshFile } from './data-set.ts';
import { forebay, printedInto } from './run.ts';

const noServer = installedServers().length === 0;

const bin = fileURLToPath(new URL('../../bin/forebay.js', import.meta.url));

const RDB = Buffer.from('REDIS0003\xfe\0\0\x01k\x01v\xff', 'latin1');

const filter = (path: string) => forebay(['rdb', 'filter', '-', '-o', path], RDB);

async function freshFifo(): Promise<string> {
  const path = await freshFile('fifo');
  await promisify(execFile)('mkfifo', [path]);
  return path;
}

describe('-o', () => {
  it('of a directory is refused before anything is written', async () => {
    const directory = dirname(await freshFile('any'));
    for (const path of [directory, `${directory}/not-there/`]) {
      const { code, stderr } = await filter(path);
      expect(stderr).toMatch(/^\S+ \/\S+ is a directory: name a file\n$/);
      expect(code).toBe(64);
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it('that cannot be made is told by the name that was given, in one line', async () => {
    const path = await freshFile('in.rdb');
    await writeFile(path, RDB);
    const out = join(dirname(path), 'not-there', 'out.rdb');
    const { code, stderr } = await forebay(['rdb', 'filter', path, '-o', out]);
    expect(stderr.replace(/^\S+ /, '')).toBe(`${out} cannot be written to: ENOENT\n`);
    expect(code).toBe(74);
  });

  it('of a FIFO goes through it', async () => {
    const path = await freshFifo();
    const [{ code, stderr }, read] = await Promise.all([filter(path), readFile(path)]);
    expect([code, read], stderr).toEqual([0, RDB]);
    expect((await stat(path)).isFIFO()).toBe(true);
    expect(await readdir(dirname(path))).toEqual(['fifo']);
  });

  it('of a FIFO whose reader has gone ends', async () => {
    const path = await freshFifo();
    const large = Buffer.concat([RDB.subarray(0, 11), Buffer.from('\0\x01k\x80', 'latin1')]);
    const value = Buffer.alloc(4 + 1_000_000);
    value.writeUInt32BE(1_000_000);
    const rdb = Buffer.concat([large, value, Buffer.of(0xff)]);
    const [{ code, stderr }] = await Promise.all([
      forebay(['rdb', 'filter', '-', '-o', path], rdb),
      promisify(execFile)('head', ['-c', '9', path]),
    ]);
    expect(stderr).toMatch(/^\S+ \S+fifo was closed by its reader before the end\n$/);
    expect(code).toBe(74);
  });

  it('of standard output that is closed early is no success', async () => {
    const path = await freshFile('in.rdb');
    await writeFile(path, RDB);
    const { code, stderr } = await printedInto(['rdb', 'filter', path], 'true');
    expect(stderr).toMatch(/^\S+ standard output was closed by its reader before the end\n$/);
    expect(code).toBe(74);
  });

  it('of a symbolic link replaces what it leads to, there already or not', async () => {
    const path = await freshFile('out.rdb');
    const [direct, another] = [`${path}.link`, `${path}.another`];
    await symlink('out.rdb', direct);
    await symlink(direct, another);
    for (const before of [undefined, 'what was there']) {
      if (before !== undefined) await writeFile(path, before);
      const { code, stderr } = await filter(another);
      expect(code, stderr).toBe(0);
      expect(await readFile(path)).toEqual(RDB);
    }
    for (const link of [direct, another]) expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readdir(dirname(path))).toHaveLength(3);
  });

  it('of a file that only its owner reads keeps it so', async () => {
    const path = await freshFile('out.rdb');
    await writeFile(path, 'what was there', { mode: 0o600 });
    expect((await filter(path)).code).toBe(0);
    expect(await readFile(path)).toEqual(RDB);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('of a socket, or of a link that leads to itself, leaves it as it is', async () => {
    const socket = await freshFile('socket');
    const listener = createServer().listen(socket);
    await once(listener, 'listening');
    const loop = join(dirname(socket), 'loop');
    await symlink('loop', loop);
    for (const [path, reason] of [
      [socket, 'ENXIO'],
      [loop, 'ELOOP'],
    ] as const) {
      const { code, stderr } = await filter(path);
      expect([code, stderr.slice(9)]).toEqual([74, `${path} cannot be written to: ${reason}\n`]);
    }
    expect((await stat(socket)).isSocket()).toBe(true);
    expect((await lstat(loop)).isSymbolicLink()).toBe(true);
    listener.close();
  });
});

/** Runs `forebay` with its input and output in pipes that nobody writes to and nobody reads. */
function stuck(args: readonly string[]) {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdout.pause();
  return child;
}

describe('a command that is told to end', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s does, while more is waited for; nothing is left',
    async (signal) => {
      const path = await freshFile('out.rdb');
      const child = stuck(['rdb', 'filter', '-', '-o', path]);
      child.stdin.write(RDB.subarray(0, 11));
      await expect.poll(() => readdir(dirname(path))).toHaveLength(1);
      const told = once(child, 'exit');
      child.kill(signal);
      await told;
      expect(await readdir(dirname(path))).toEqual([]);
    },
  );

  it.skipIf(noServer)('does, while nobody reads what it prints', async () => {
    await using server = await Server.start(installedServers()[0]!);
    await server.command('SET', 'large', randomBytes(8_000_000));
    for (const args of [['dump'], ['tail', '--snapshot']]) {
      const child = stuck([...args, `redis://127.0.0.1:${server.port}`]);
      await once(child.stdout, 'readable');
      const told = once(child, 'exit');
      child.kill('SIGTERM');
      // In good order, as stopped or at an end, where what was printed fits into the pipe.
      expect([0, 1, null], args[0]).toContain((await told)[0]);
    }
  });
});
