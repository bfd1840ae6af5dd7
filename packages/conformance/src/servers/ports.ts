import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that nobody listened on a moment ago. Another process may take it before it is
 * used: who listens on it must be ready to ask again.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
