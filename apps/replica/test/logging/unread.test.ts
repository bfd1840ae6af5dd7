import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const talker = fileURLToPath(new URL('talker.mjs', import.meta.url));

type Talker = ChildProcessByStdio<Writable, Readable, Readable>;

function start(command: readonly string[] = []): Talker {
  const [file = '', ...args] = [...command, process.execPath, talker];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Has it say so many lines of a kilobyte; resolves when it goes on with its work. */
async function say(child: Talker, lines: number): Promise<void> {
  child.stdin.write(`${lines}\n`);
  await once(child.stdout, 'data');
}

it('nobody who does not read keeps the process from its work, and what is lost is counted', async () => {
  const child = start();
  await say(child, 5000);
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  // What waits is read in its own time; the first line after that tells of those that were lost.
  let said = 5000;
  for (; !text.includes('"event":"lost"'); said++) await say(child, 1);
  const ended = once(child, 'close');
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const lost = lines.filter(({ event }) => event === 'lost');
  const kept = lines.length - lost.length;
  expect(lost[0]).toMatchObject({ level: 'warn', count: expect.any(Number) });
  expect(lost.reduce((sum, { count }) => sum + count, kept)).toBe(said);
});

it('it ends though nobody has read', async () => {
  const child = start();
  await say(child, 5000);
  const exited = once(child, 'exit');
  child.stdin.end();
  expect(await exited).toEqual([0, null]);
});

it('it goes on where standard error was closed, or is on a disk that is full', async () => {
  const closed = start();
  closed.stderr.destroy();
  for (let i = 0; i < 3; i++) await say(closed, 100);
  const full = start(['bash', '-c', 'exec "$@" 2> /dev/full', '-']);
  for (let i = 0; i < 3; i++) await say(full, 100);
  for (const child of [closed, full]) {
    const exited = once(child, 'exit');
    child.stdin.end();
    expect(await exited).toEqual([0, null]);
  }
});
