import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledServer } from '@forebay/conformance';
import { Server } from '@forebay/conformance';
import { expect, onTestFinished } from 'vitest';
import { Daemon } from '../daemon.ts';

/** Boots what `forebay restore` writes: whole, for a server may cut nothing off. */
export async function bootRestored(
  installed: InstalledServer,
  directory: string,
  ...args: string[]
): Promise<Server> {
  const out = join(await temporary(), 'restored');
  const single = installed.multipart ? [] : ['--single'];
  const run = Daemon.start(['restore', directory, '--out', out, ...args, ...single]);
  expect(await run.exited, run.printed).toBe(0);
  const form = installed.multipart ? { appenddirname: 'appendonlydir' } : {};
  const config = { appendonly: 'yes', 'aof-load-truncated': 'no', ...form };
  return Server.start(installed, { directory: out, removeDirectory: true, config });
}

/** A directory of its own for one test. */
export async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-restore-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
