import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The process of the daemon that writes to a directory, which goes on after most signals. */
async function pidOf(directory: string): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const words = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words.includes('replica') && words.includes(directory)) return Number(entry);
  }
  throw new Error(`no daemon writes to ${directory}`);
}

/** Sends a signal to the daemon that writes to a directory, and waits for nothing. */
export async function signalDaemon(directory: string, signal: NodeJS.Signals): Promise<void> {
  process.kill(await pidOf(directory), signal);
}

/**
 * Sets how large the files may get that a running daemon writes: its soft limit, which needs no
 * rights to be raised again.
 */
export async function limitFiles(directory: string, bytes: number | 'unlimited'): Promise<void> {
  await run('prlimit', ['--pid', String(await pidOf(directory)), `--fsize=${bytes}:`]);
}
