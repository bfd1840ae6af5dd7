import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RestorePlan } from '@forebay/log';
import { APPEND_DIRECTORY, nodeDisk, planRestore, restore } from '@forebay/log';
import type { Position } from '@forebay/psync';
import { EXIT, ExitError } from '../exit.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';

/** What a server made of the end of a log. */
export interface TrialBoot {
  readonly server: string;
  /** In all databases. */
  readonly keys: number;
  /** From its start until it took commands. */
  readonly seconds: number;
  readonly position: Position;
}

/** Lines of a server's log that are told where it does not boot. */
const LAST_LINES = 10;

/**
 * Restores the end of a log to a directory of its own, boots a server from it, counts its keys, and
 * leaves nothing behind.
 *
 * @throws {ExitError} where there is no server or no room, or it does not boot; LogError
 */
export async function trialBoot(
  directory: string,
  named: string | undefined,
  reporter: Reporter,
  stop: AbortSignal,
): Promise<TrialBoot> {
  await using plan = await planRestore(nodeDisk, directory);
  const { server, version } = await serverFor(plan, named);
  await checkRoom(plan);
  const home = await mkdtemp(join(tmpdir(), 'forebay-boot-'));
  try {
    const out = join(home, 'data');
    const since = performance.now();
    const single = Number.parseInt(version, 10) < 7;
    const onProgress = (progress: { readonly read: number; readonly total: number }) =>
      reporter.transfer(progress, since);
    const { position } = await restore(plan, out, { single, onProgress, signal: stop });
    reporter.step(`booting ${server} ${version}`);
    const { keys, seconds } = await boot(server, out, single, stop);
    return { server: `${server} ${version}`, keys, seconds, position };
  } catch (error) {
    if (!stop.aborted) throw error;
    throw new ExitError(EXIT.runtime, 'stopped before a server had booted', error);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** The server that was named, or the first of PATH, those of the primary's kind before others. */
async function serverFor(
  { origin }: RestorePlan,
  named: string | undefined,
): Promise<{ readonly server: string; readonly version: string }> {
  const names = ['valkey-server', 'redis-server'];
  if (origin.flavour !== 'valkey') names.reverse();
  for (const server of named === undefined ? names : [named]) {
    try {
      const { stdout } = await promisify(execFile)(server, ['--version']);
      const version = /\bv=(\S+)/.exec(stdout)?.[1];
      if (version !== undefined) return { server, version };
    } catch (error) {
      if (named === undefined) continue;
      throw new ExitError(EXIT.usage, `--server ${named} cannot be started`, error);
    }
  }
  const message =
    named === undefined
      ? `there is neither ${names.join(' nor ')} on PATH: name a server with --server`
      : `--server ${named} is no server: it tells no version`;
  throw new ExitError(EXIT.usage, message);
}

async function checkRoom({ bytes }: RestorePlan): Promise<void> {
  const { free } = await nodeDisk.space(tmpdir());
  if (free > bytes) return;
  const message =
    `${tmpdir()} has ${formatBytes(free)} free, and the restored log has ${formatBytes(bytes)}: ` +
    'name another directory in TMPDIR';
  throw new ExitError(EXIT.disk, message);
}

async function boot(
  server: string,
  directory: string,
  single: boolean,
  stop: AbortSignal,
): Promise<{ readonly keys: number; readonly seconds: number }> {
  const port = await freePort();
  const since = performance.now();
  const flags = {
    port: String(port),
    bind: '127.0.0.1',
    dir: directory,
    logfile: '',
    save: '',
    appendonly: 'yes',
    appendfsync: 'no',
    'auto-aof-rewrite-percentage': '0',
    ...(single ? {} : { appenddirname: APPEND_DIRECTORY }),
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(server, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => void child.kill('SIGKILL');
  const gone = once(child, 'close');
  stop.addEventListener('abort', kill);
  process.once('exit', kill);
  try {
    await ready(server, child);
    const seconds = (performance.now() - since) / 1000;
    const keys = keysIn(await infoOf(port));
    child.kill('SIGTERM');
    await gone;
    return { keys, seconds };
  } finally {
    stop.removeEventListener('abort', kill);
    process.off('exit', kill);
    if (child.exitCode === null && child.signalCode === null) {
      kill();
      await gone.catch(() => {});
    }
  }
}

/** Resolves when the server has loaded everything. @throws {ExitError} with its last lines where it ends */
function ready(server: string, child: ChildProcess): Promise<void> {
  let printed = '';
  return new Promise((resolve, reject) => {
    const take = (text: string) => {
      printed = (printed + text).slice(-64 * 1024);
      if (printed.includes('Ready to accept connections')) resolve();
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', () => {
      const last = printed.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
      const message = `${server} does not boot from what is held:\n${last}`;
      reject(new ExitError(EXIT.runtime, message));
    });
  });
}

/** The section of INFO on keys, asked for inline: one request, one reply. */
async function infoOf(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    socket.setEncoding('latin1').write('INFO keyspace\r\n');
    let reply = '';
    for await (const chunk of socket) {
      reply += chunk;
      const [header, length] = /^\$(\d+)\r\n/.exec(reply) ?? [];
      if (header !== undefined && reply.length >= header.length + Number(length)) return reply;
      if (reply.startsWith('-')) break;
    }
    throw new ExitError(EXIT.runtime, `the server answered INFO with ${JSON.stringify(reply)}`);
  } finally {
    socket.destroy();
  }
}

function keysIn(info: string): number {
  let keys = 0;
  for (const [, count] of info.matchAll(/^db\d+:keys=(\d+)/gm)) keys += Number(count);
  return keys;
}

/** A port of this machine that nobody listens on. */
async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
