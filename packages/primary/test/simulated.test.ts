import { encodeCommand } from '@forebay/resp';
import {
  bytesOf,
  concatBytes,
  randomFrom,
  runSeed,
  SimulatedClock,
  SimulatedLink,
} from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Primary } from '../src/index.ts';

const RDB = bytesOf(`REDIS0009\xff${'\0'.repeat(8)}`);

/** A primary and its replicas in simulated time; nothing depends on the machine. */
class Simulation {
  readonly clock = new SimulatedClock();
  readonly #random;
  readonly primary: Primary;
  /** What happened, with the simulated time. */
  readonly story: string[] = [];
  /** The whole stream so far. */
  readonly #stream: Uint8Array[] = [];

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    const told = (what: string) => (replica: { port: number }) =>
      this.#tell(`${replica.port} ${what}`);
    this.primary = new Primary({
      rdb: RDB,
      backlogSize: 4096,
      pingPeriod: 0,
      clock: this.clock,
      random: (length) => this.#random.bytes(length),
      events: {
        onFullResync: told('full resync'),
        onPartialResync: told('partial resync'),
        onOnline: told('online'),
        onGone: told('gone'),
      },
    });
  }

  get stream(): string {
    return latin1(concatBytes(this.#stream));
  }

  get offset(): number {
    return this.primary.position.offset;
  }

  connect(port: number): SimulatedReplica {
    const { clock } = this;
    const random = this.#random;
    const link = new SimulatedLink({
      clock,
      random,
      delay: 20,
      systemBuffer: 8192,
      highWaterMark: 4096,
      remotePort: port,
    });
    this.primary.accept(link.near);
    return new SimulatedReplica(link, port, (what) => this.#tell(`${port} ${what}`));
  }

  propagate(length: number): void {
    const bytes = this.#random.bytes(length);
    this.#stream.push(bytes);
    this.primary.propagateRaw(bytes);
  }

  async pass(milliseconds: number): Promise<void> {
    await this.clock.pass(milliseconds);
  }

  #tell(what: string): void {
    this.story.push(`${this.clock.elapsed()} ${what}`);
  }
}

/** A replica that reads everything it is sent. */
class SimulatedReplica {
  readonly link: SimulatedLink;
  readonly #port: number;
  /** Sent after the reply to REPLCONF: PSYNC is refused while a reply is pending. */
  #request: string[] | undefined;
  received = '';
  closed = false;

  constructor(link: SimulatedLink, port: number, tell: (what: string) => void) {
    this.link = link;
    this.#port = port;
    link.far.listen({
      onBytes: (bytes) => {
        this.received += latin1(bytes);
        tell(`received ${bytes.length}`);
        if (this.#request !== undefined && this.received === '+OK\r\n') {
          this.send(...this.#request);
          this.#request = undefined;
        }
      },
      onClose: () => {
        this.closed = true;
        tell('closed');
      },
    });
  }

  ask(id: string, offset: number): void {
    this.send('REPLCONF', 'listening-port', String(this.#port), 'capa', 'eof', 'capa', 'psync2');
    this.#request = ['PSYNC', id, String(offset)];
  }

  send(...words: string[]): void {
    this.link.far.write(encodeCommand(words));
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** A full resync, a slow replica, a cut, a partial resync and a failover. Returns the story. */
async function history(seed: number): Promise<readonly string[]> {
  const simulation = new Simulation(seed);
  const { primary } = simulation;
  const [steady, slow] = [simulation.connect(7001), simulation.connect(7002)];
  for (const replica of [steady, slow]) replica.ask('?', -1);
  await simulation.pass(2000);
  const { id } = primary.position;
  for (const replica of [steady, slow]) {
    const [, mark] = /^\+OK\r\n\+FULLRESYNC \w{40} 0\r\n\$EOF:(\w{40})\r\n/.exec(replica.received)!;
    expect(replica.received.endsWith(`${latin1(RDB)}${mark}`)).toBe(true);
    replica.received = '';
    replica.send('REPLCONF', 'ACK', '0');
  }
  await simulation.pass(1000);
  expect(primary.replicas).toMatchObject([{ state: 'online' }, { state: 'online' }]);
  slow.link.stall();
  for (let i = 0; i < 40; i++) {
    simulation.propagate(1000);
    await simulation.pass(50);
  }
  // Far more than fits into the backlog and the buffers of the system.
  expect(primary.replicas.find(({ port }) => port === 7002)?.behind).toBeGreaterThan(10_000);
  slow.link.unstall();
  steady.link.cut();
  const before = simulation.offset;
  simulation.propagate(500);
  await simulation.pass(5000);
  expect(steady.received).toBe(simulation.stream.slice(0, steady.received.length));
  expect(slow.received).toBe(simulation.stream);
  const again = simulation.connect(7001);
  again.ask(id, before + 1);
  await simulation.pass(1000);
  expect(again.received).toBe(`+OK\r\n+CONTINUE ${id}\r\n${simulation.stream.slice(before)}`);
  primary.shiftId();
  await simulation.pass(1000);
  expect([slow.closed, again.closed]).toEqual([true, true]);
  const last = simulation.connect(7002);
  last.ask(id, simulation.offset + 1);
  await simulation.pass(1000);
  expect(last.received).toBe(`+OK\r\n+CONTINUE ${primary.position.id}\r\n`);
  await primary.close();
  await simulation.pass(1000);
  expect(simulation.clock.pending).toBe(0);
  return simulation.story;
}

describe('a primary over connections in memory, in simulated time', () => {
  it('serves full resyncs, the stream and partial resyncs, the same for the same seed', async () => {
    const first = runSeed();
    for (let seed = first; seed < first + 20; seed++) {
      const stories = [await history(seed), await history(seed)];
      expect(stories[1], `seed ${seed}`).toEqual(stories[0]);
      expect(stories[0]!.length).toBeGreaterThan(50);
    }
  });
});
