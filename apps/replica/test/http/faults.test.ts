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
/** Milliseconds that each trouble is made for, at the least. */
const TIME = 5000;
/** Waits of which one or two that a stall of the machine makes long are not the median. */
const ENOUGH = 20;

/** How long the primary waited for our acknowledgement of what it had just sent, in milliseconds. */
interface Waits {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

const measured: Record<string, Waits & Record<string, number>> = {};

describe.skipIf(installed === undefined)('whoever troubles HTTP, the link above', () => {
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

  /** It has what it waits for as soon as a link that nobody troubles, but for a moment now and then, and never breaks. */
  async function expectUnmoved(name: string, primary: Server, url: string, counts = {}) {
    const waits = await waitsOf(primary);
    measured[name] = { ...waits, ...counts };
    expect(waits.median).toBeLessThan(50);
    // What else the machine does meanwhile is in the longest, too.
    expect(waits.p99).toBeLessThan(3000);
    expect(waits.max).toBeLessThan(10_000);
    expect(await syncsOf(primary)).toEqual({ full: 1, partial: 0 });
    await expect.poll(async () => (await reportFrom(url)).lag.seconds).toBeLessThan(1);
  }

  it('is as it is, while nobody does', async () => {
    const { primary, url } = await chain();
    await expectUnmoved('nobody', primary, url);
  });

  it('does not notice ten thousand connections that say nothing', async () => {
    const { primary, url } = await chain();
    const { hostname, port } = new URL(url);
    const crowd = new Crowd();
    const filling = crowd.fill(10_000, () => connect(Number(port), hostname));
    await expectUnmoved('ten thousand idle connections', primary, url, { connections: 10_000 });
    await filling;
    expect(crowd.opened).toBe(10_000);
    crowd.leave();
    await expect.poll(() => statusOf(url, '/healthz')).toBe(200);
  });

  it('does not notice who speaks slowly, on either port', async () => {
    const { primary, url, port: below } = await chain();
    const { hostname, port } = new URL(url);
    const crowd = new Crowd();
    await crowd.fill(200, () => {
      const socket = connect(Number(port), hostname);
      socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
      return socket;
    });
    await crowd.fill(200, () => {
      const socket = connect(below, '127.0.0.1');
      socket.write('*3\r\n$8\r\nREPLCONF\r\n$10\r\n');
      return socket;
    });
    const dripping = setInterval(() => crowd.say('x'), 200);
    onTestFinished(() => clearInterval(dripping));
    await expectUnmoved('slow-loris on both ports', primary, url, { connections: 400 });
    clearInterval(dripping);
    await expect.poll(() => statusOf(url, '/metrics')).toBe(200);
  });

  it('does not notice a storm of scrapes', async () => {
    const { primary, url } = await chain();
    const storm = new Storm(url, 16);
    const answers = storm.run(TIME);
    await expectUnmoved('scrape storm', primary, url);
    const count = await answers;
    measured['scrape storm'] = { ...measured['scrape storm']!, answered: count };
    expect(count).toBeGreaterThan(100);
    expect((await scrape(url)).value('forebay_link_up')).toBe(1);
  });

  it('does not notice pages that are open and read nothing', async () => {
    const { primary, url, daemon } = await chain();
    const { hostname, port } = new URL(url);
    const crowd = new Crowd();
    await crowd.fill(16, () => {
      const socket = connect(Number(port), hostname);
      socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return socket.pause();
    });
    await expectUnmoved('sixteen pages that read nothing', primary, url, { connections: 16 });
    expect(daemon.printed).not.toMatch(/Error/);
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
  while (performance.now() < end || waits.length <= ENOUGH) {
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
  readonly #url: string;
  readonly #size: number;

  constructor(url: string, size: number) {
    this.#url = url;
    this.#size = size;
  }

  /** Resolves with how many were answered. */
  async run(milliseconds: number): Promise<number> {
    const end = performance.now() + milliseconds;
    const counts = Array.from({ length: this.#size }, () => this.#scrapeUntil(end));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  async #scrapeUntil(end: number): Promise<number> {
    const { hostname, port } = new URL(this.#url);
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.setEncoding('utf8');
    let answered = 0;
    let text = '';
    const ask = () => socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise<void>((resolve) => {
      socket.on('close', resolve);
      socket.on('data', (part: string) => {
        text += part;
        const [head = '', length] =
          /^[\s\S]*?content-length: (\d+)\r\n[\s\S]*?\r\n\r\n/i.exec(text) ?? [];
        if (head === '' || Buffer.byteLength(text) < head.length + Number(length)) return;
        answered++;
        text = '';
        if (performance.now() < end) ask();
        else socket.destroy();
      });
      ask();
    });
    return answered;
  }
}
