import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Live } from '../../src/http/live.ts';
import { HttpServer } from '../../src/http/server.ts';

/** Bytes of an event, and the most bytes that may wait for a page. */
const EVENT = 64 * 1024;
const MOST_WAITING = 1024 * 1024 + 2 * EVENT;

it('a page that reads nothing is disconnected when a megabyte waits for it, and the other pages still get events', async () => {
  const live = new Live();
  const responses: ServerResponse[] = [];
  const server = await HttpServer.listen(
    '127.0.0.1',
    0,
    new Map([
      [
        '/events',
        (_, response) => {
          responses.push(response);
          live.add(response, 'data: first\n\n');
        },
      ],
    ]),
    { allowedHosts: undefined, password: undefined, secure: undefined },
  );
  onTestFinished(() => server.close());
  const open = async () => {
    const socket = connect(server.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'readable');
    return socket;
  };
  const [stuck, lively] = [await open(), await open()];
  let taken = 0;
  lively.on('data', (bytes) => {
    taken += bytes.length;
  });
  expect(live.size).toBe(2);
  const event = `data: ${'x'.repeat(EVENT)}\n\n`;
  const waiting: number[] = [];
  let told = 0;
  while (live.size === 2) {
    waiting.push(responses[0]!.writableLength);
    live.tell(event);
    told++;
    await expect.poll(() => taken, { interval: 1 }).toBeGreaterThan(told * EVENT);
  }
  expect(stuck.destroyed).toBe(false);
  // It was not disconnected before the buffers of the system were full.
  expect(Math.max(...waiting)).toBeGreaterThan(1024 * 1024);
  expect(Math.max(...waiting)).toBeLessThan(MOST_WAITING);
  live.tell(event);
  await expect.poll(() => taken).toBeGreaterThan((told + 1) * EVENT);
  expect(live.size).toBe(1);
});
