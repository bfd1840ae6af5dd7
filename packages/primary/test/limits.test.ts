import { dribble } from '@forebay/conformance';
import { SimulatedClock } from '@forebay/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { MemorySource } from '../src/embedded/memory-source.ts';
import { ReplicationServer } from '../src/index.ts';
import { Peer } from './peer.ts';

it('a replica that sends one byte a second of an incomplete command is disconnected as silent', async () => {
  const clock = new SimulatedClock();
  const server = new ReplicationServer(new MemorySource(), { clock, timeout: 10_000 });
  onTestFinished(() => server.close());
  await server.listen();
  const peer = await Peer.connect(server.port);
  const witness = await Peer.connect(server.port);
  peer.sendRaw('PSYNC ? -1\r\nREPLCONF ACK 0\r\n*3\r\n$8\r\nREPLCONF\r\n$50\r\n');
  const seconds = await dribble(peer, witness, clock);
  expect(seconds).toBeGreaterThanOrEqual(10);
  expect(seconds).toBeLessThan(15);
});
