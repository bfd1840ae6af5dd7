import { createServer } from 'node:net';

/** Below those that systems give to whoever asks for any, for a connection or to listen on. */
const [FIRST, LAST] = [10_000, 32_000];

/**
 * A port of 127.0.0.1 that nobody listened on a moment ago, and that no system gives away by itself.
 * Another process may take it before it is used all the same: who listens on it must be ready to ask again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await canBeListenedOn(port)) return port;
  }
}

function canBeListenedOn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
