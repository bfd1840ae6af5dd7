import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Live } from '../../src/http/live.ts';
import { HttpServer } from '../../src/http/server.ts';

it('a page that takes nothing is let go, and the others are told on', async () => {
  const live = new Live();
  const server = await HttpServer.listen(
    '127.0.0.1',
    0,
    new Map([['/events', (_, response) => live.add(response, 'data: first\n\n')]]),
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
  const event = `data: ${'x'.repeat(64 * 1024)}\n\n`;
  const before = process.memoryUsage().external;
  let told = 0;
  while (live.size === 2) {
    live.tell(event);
    told++;
    await expect.poll(() => taken, { interval: 1 }).toBeGreaterThan(told * 64 * 1024);
  }
  expect(stuck.destroyed).toBe(false);
  // What the system takes for it, and a megabyte of ours.
  expect(told * event.length).toBeLessThan(16 * 1024 * 1024);
  expect(process.memoryUsage().external - before).toBeLessThan(16 * 1024 * 1024);
  live.tell(event);
  await expect.poll(() => taken).toBeGreaterThan((told + 1) * 64 * 1024);
  expect(live.size).toBe(1);
});
