import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { SimulatedClock } from '@forebay/testkit';
import { expect, it, onTestFinished } from 'vitest';
import type { Candidate } from '../src/config/candidate.ts';
import type { ReplicaConfig } from '../src/config.ts';
import { CutInquiry } from '../src/follow/upstream/cut-inquiry.ts';
import { Speaker } from '../src/reporter.ts';

const HOUR = 3_600_000;

class Story extends Speaker {
  readonly lines: string[] = [];
  override say({ message }: { readonly message: string }): void {
    this.lines.push(message);
  }
  override transfer(): void {}
  override clear(): void {}
}

/** A primary without output buffer limits that disconnects a silent replica after 60 s. */
async function primary(): Promise<Candidate> {
  const info = 'uptime_in_seconds:100000\r\nclient_output_buffer_limit_disconnections:0\r\n';
  const pair = (name: string, value: string) =>
    `*2\r\n$${name.length}\r\n${name}\r\n$${value.length}\r\n${value}\r\n`;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const text = data.toString();
      if (text.includes('INFO')) socket.write(`$${info.length}\r\n${info}\r\n`);
      else if (text.includes('repl-timeout')) socket.write(pair('repl-timeout', '60'));
      else socket.write(pair('client-output-buffer-limit', 'replica 0 0 0'));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { kind: 'tcp', host: '127.0.0.1', port },
    username: undefined,
    password: undefined,
  };
}

async function setUp() {
  const clock = new SimulatedClock();
  const story = new Story();
  const inquiry = new CutInquiry(clock, story);
  const upstream = await primary();
  const inquire = () =>
    inquiry.inquire(upstream, { tls: {} } as ReplicaConfig, { phase: 'stream', lasted: 1000 });
  return { clock, story, inquiry, inquire };
}

it('a process that did not run for longer than repl-timeout is the probable cause of a lost link', async () => {
  const { clock, story, inquire } = await setUp();
  clock.advance(90_000);
  await inquire();
  expect(story.lines).toEqual([expect.stringContaining('this process did not run for 90 s')]);
});

it('a forward jump of the wall clock does not count as time in which the process did not run', async () => {
  const { clock, story, inquiry, inquire } = await setUp();
  const stop = inquiry.start();
  await clock.pass(3500);
  clock.jump(HOUR);
  await inquire();
  expect(story.lines).toEqual([]);
  stop();
});

it('a jump of the wall clock back does not make an old standstill the cause of a lost link', async () => {
  const { clock, story, inquiry, inquire } = await setUp();
  clock.advance(90_000);
  await inquire();
  expect(story.lines).toHaveLength(1);
  const stop = inquiry.start();
  clock.jump(-HOUR);
  await clock.pass(60_000);
  await inquire();
  expect(story.lines).toHaveLength(1);
  stop();
});
