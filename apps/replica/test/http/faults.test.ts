import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Server } from '@forebay/conformance';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { portOf, serversNamed } from '../servers/chain.ts';
import { ask, HTTP, reportFrom, scrape, urlOf } from './http.ts';

const RESULTS = new URL('../../.results/', import.meta.url);
const [installed] = serversNamed('valkey-8.1');
/** Minimum duration of each measurement, in milliseconds. */
const TIME = 3000;
/** Minimum number of waits in each measurement: a stall of the machine does not move their median. */
const ENOUGH = 100;

/** How long the primary waited for our acknowledgement of what it had just sent, in milliseconds. */
interface Waits {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** Starts a load on the daemon. Resolves with a function that ends it. */
type Trouble = () => Promise<() => Promise<void>>;

const measured: Record<string, Record<string, Waits | number>> = {};

describe.skipIf(installed === undefined)('the link to the primary', () => {
  afterAll(async () => {
    await mkdir(RESULTS, { recursive: true });
    const text = `${JSON.stringify(measured, null, 2)}\n`;
    await writeFile(fileURLToPath(new URL('http-faults.json', RESULTS)), text);
  });

  async function chain() {
    const primary = await Server.start(installed!);
    onTestFinished(() => primary.stop());
    const daemon = Daemon.follow(primary, await freshDirectory(), ...HTTP, '--port', 'any');
    const url = await urlOf(daemon);
    await daemon.prints(/full copy done/);
    const load = loadOn(primary, 1000);
    load.start();
    onTestFinished(async () => void (await load.stop()));
    return { primary, daemon, url, port: portOf(daemon) };
  }

  /**
   * The primary waits about as long for acknowledgements as under `control`, which is measured before and after the
   * trouble on the same machine; and the link is never lost.
   */
  async function expectUnmoved(
    name: string,
    { primary, url }: Awaited<ReturnType<typeof chain>>,
    trouble: Trouble,
    { most, control = async () => async () => {} }: { most: number; control?: Trouble },
  ) {
    const under = async (begin: Trouble) => {
      const end = await begin();
      const waits = await waitsOf(primary);
      await end();
      return waits;
    };
    const before = await under(control);
    const during = await under(trouble);
    const after = await under(control);
    measured[name] = { ...measured[name], before, during, after };
    // The longest waits depend on other work of the machine: they are recorded, not compared.
    const { median } = before.median > after.median ? before : after;
    expect(during.median, JSON.stringify(measured[name])).toBeLessThan(most * median + 3);
    expect(await syncsOf(primary)).toEqual({ full: 1, partial: 0 });
    await expect.poll(async () => (await reportFrom(url)).lag.seconds).toBeLessThan(1);
  }

  it('is not slowed by ten thousand idle HTTP connections', async () => {
    const all = await chain();
    const { hostname, port } = new URL(all.url);
    const crowd = new Crowd();
    const trouble = async () => {
      const filling = crowd.fill(10_000, () => connect(Number(port), hostname));
      return async () => {
        await filling;
        expect(crowd.opened).toBe(10_000);
        crowd.leave();
      };
    };
    await expectUnmoved('ten thousand idle connections', all, trouble, { most: 10 });
    await expect.poll(() => statusOf(all.url, '/healthz')).toBe(200);
  });

  it('is not slowed by clients that send slowly, on either port', async () => {
    const all = await chain();
    const { hostname, port } = new URL(all.url);
    const crowd = new Crowd();
    const trouble = async () => {
      await crowd.fill(200, () => {
        const socket = connect(Number(port), hostname);
        socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
        return socket;
      });
      await crowd.fill(200, () => {
        const socket = connect(all.port, '127.0.0.1');
        socket.write('*3\r\n$8\r\nREPLCONF\r\n$10\r\n');
        return socket;
      });
      expect(crowd.opened).toBe(400);
      const dripping = setInterval(() => crowd.say('x'), 200);
      return async () => {
        clearInterval(dripping);
        crowd.leave();
      };
    };
    await expectUnmoved('slow-loris on both ports', all, trouble, { most: 10 });
    await expect.poll(() => statusOf(all.url, '/metrics')).toBe(200);
  });

  it('is slowed by a storm of scrapes no more than by the same number of trivial requests', async () => {
    const all = await chain();
    const storm = (path: string) => async () => {
      const storm = new Storm(all.url, path, 64);
      return async () => {
        const answered = await storm.end();
        measured['scrape storm'] = { ...measured['scrape storm'], [path]: answered };
        expect(answered).toBeGreaterThan(100);
      };
    };
    await expectUnmoved('scrape storm', all, storm('/metrics'), {
      // About twenty times as long if scrapes were not cached.
      most: 6,
      control: storm('/healthz'),
    });
    expect((await scrape(all.url)).value('forebay_link_up')).toBe(1);
  });

  it('is not slowed by open pages that read nothing', async () => {
    const all = await chain();
    const { hostname, port } = new URL(all.url);
    const crowd = new Crowd();
    const trouble = async () => {
      await crowd.fill(16, () => {
        const socket = connect(Number(port), hostname);
        socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
        return socket.pause();
      });
      return async () => crowd.leave();
    };
    await expectUnmoved('sixteen pages that read nothing', all, trouble, { most: 10 });
    expect(all.daemon.printed).not.toMatch(/Error/);
  });
});

async function statusOf(url: string, path: string): Promise<number> {
  // Where there are too many, one is turned away.
  return ask(url, path).then(
    ({ status }) => status,
    () => 0,
  );
}

/** `WAIT` has the primary ask for an acknowledgement, which comes when what was sent before is written. */
async function waitsOf(primary: Server): Promise<Waits> {
  const waits: number[] = [];
  const end = performance.now() + TIME;
  while (performance.now() < end || waits.length < ENOUGH) {
    const began = performance.now();
    await primary.command('SET', 'marker', String(began));
    expect(await primary.command('WAIT', 1, 10_000)).toBe(1);
    waits.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  waits.sort((a, b) => a - b);
  const at = (share: number) => Number(waits[Math.floor(share * (waits.length - 1))]!.toFixed(1));
  return { count: waits.length, median: at(0.5), p99: at(0.99), max: at(1) };
}

/** Many connections, which are gone when the test is. */
class Crowd {
  readonly #sockets = new Set<Socket>();
  #opened = 0;

  constructor() {
    onTestFinished(() => this.leave());
  }

  /** How many were ever connected. */
  get opened(): number {
    return this.#opened;
  }

  async fill(count: number, open: () => Socket): Promise<void> {
    const atOnce = 250;
    for (let left = count; left > 0; left -= atOnce) {
      const batch = Array.from({ length: Math.min(left, atOnce) }, open);
      const connected = batch.map((socket) => {
        this.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
        return once(socket, 'connect').then(
          () => this.#opened++,
          () => {},
        );
      });
      await Promise.all(connected);
    }
  }

  say(text: string): void {
    for (const socket of this.#sockets) if (socket.writable) socket.write(text);
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Scrapers that ask again as soon as they have an answer. */
class Storm {
  #answered = 0;
  #ending = false;
  readonly #scrapers: readonly Promise<void>[];

  constructor(url: string, path: string, size: number) {
    this.#scrapers = Array.from({ length: size }, () => this.#scrape(url, path));
  }

  /** Resolves with the number of answered scrapes. */
  async end(): Promise<number> {
    this.#ending = true;
    await Promise.all(this.#scrapers);
    return this.#answered;
  }

  async #scrape(url: string, path: string): Promise<void> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.setEncoding('utf8');
    let text = '';
    const ask = () => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await new Promise<void>((resolve) => {
      socket.on('close', resolve);
      socket.on('data', (part: string) => {
        text += part;
        const [head = '', length] =
          /^[\s\S]*?content-length: (\d+)\r\n[\s\S]*?\r\n\r\n/i.exec(text) ?? [];
        if (head === '' || Buffer.byteLength(text) < head.length + Number(length)) return;
        this.#answered++;
        text = '';
        if (this.#ending) socket.destroy();
        else ask();
      });
      ask();
    });
  }
}
