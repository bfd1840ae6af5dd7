import { Wire } from '@forebay/conformance';
import { onTestFinished } from 'vitest';
import type { RespServerOptions } from '../src/index.ts';
import { RespServer } from '../src/index.ts';

export type Peer = Wire;

/** Connections of one test, closed after it. */
export const Peer = {
  async connect(port: number): Promise<Wire> {
    const wire = await Wire.connect(port);
    onTestFinished(() => wire.close());
    return wire;
  },
};

/** A server that listens on a free port, closed after the test. */
export async function listening(options: RespServerOptions = {}): Promise<RespServer> {
  const server = new RespServer(options);
  onTestFinished(() => server.close());
  await server.listen();
  return server;
}
