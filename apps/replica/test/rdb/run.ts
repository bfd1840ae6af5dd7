import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Server } from '@forebay/conformance';

const bin = fileURLToPath(new URL('../../bin/forebay.js', import.meta.url));

/** What a program that has ended has left. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `forebay` to its end, with these bytes as its standard input. */
export function forebay(args: readonly string[], stdin: Uint8Array = Buffer.alloc(0)) {
  return run([process.execPath, bin, ...args], stdin);
}

/** The lines of JSON that `forebay` prints; it has to end well. */
export async function linesOf(args: readonly string[], stdin?: Uint8Array): Promise<unknown[]> {
  const { code, stdout, stderr } = await forebay(args, stdin);
  if (code !== 0) throw new Error(`it ended with ${code}: ${stderr}`);
  const lines = stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

/** Feeds commands to a server as its `redis-cli --pipe` does; returns what that says in the end. */
export async function pipeInto(server: Server, commands: Uint8Array): Promise<string> {
  const cli = [...server.installed.cli, '-p', String(server.port), '--pipe'];
  const { stdout, stderr } = await run(cli, commands);
  return `${stdout}${stderr}`;
}

async function run([file = '', ...words]: readonly string[], stdin: Uint8Array): Promise<Ended> {
  const child = spawn(file, words);
  // It may end before it has read everything.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    buffer(child.stdout),
    buffer(child.stderr),
  ]);
  return { code, stdout, stderr: stderr.toString() };
}

/** Runs `forebay` with its output in a pipe to a shell command; the code is that of `forebay`. */
export function printedInto(args: readonly string[], command: string) {
  return printed(args, `| ${command}`);
}

/** Runs `forebay` with its output on a disk that is full. */
export function printedToFull(args: readonly string[]) {
  return printed(args, '> /dev/full');
}

async function printed(args: readonly string[], where: string) {
  const script = `"$@" ${where}; exit \${PIPESTATUS[0]}`;
  const all = ['bash', '-c', script, '-', process.execPath, bin, ...args];
  const { code, stdout, stderr } = await run(all, Buffer.alloc(0));
  return { code, stdout: stdout.toString('latin1'), stderr };
}
