import { Wire } from '@forebay/conformance';
import { onTestFinished } from 'vitest';

export type Peer = Wire;

/** Connections of one test, closed after it. */
export const Peer = {
  async connect(port: number): Promise<Wire> {
    const wire = await Wire.connect(port);
    onTestFinished(() => wire.close());
    return wire;
  },
};
