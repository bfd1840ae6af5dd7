import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledServer, Server } from '@forebay/conformance';
import { freePort } from '@forebay/conformance';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';

/** A real Sentinel that watches one primary by the name of `watched`, and decides alone. */
export class Sentinel {
  readonly port: number;
  readonly client: Redis;
  #printed = '';

  private constructor(port: number) {
    this.port = port;
    this.client = new Redis({ port, host: '127.0.0.1', protocol: 2, enableReadyCheck: false });
    // It is not there at once.
    this.client.on('error', () => {});
  }

  static async start(installed: InstalledServer, primary: Server): Promise<Sentinel> {
    const home = await mkdtemp(join(tmpdir(), 'forebay-sentinel-'));
    const port = await freePort();
    const config = join(home, 'sentinel.conf');
    await writeFile(
      config,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${home}`,
        `sentinel monitor watched 127.0.0.1 ${primary.port} 1`,
        // Longer than a machine stalls: who is there is not to be taken for gone.
        'sentinel down-after-milliseconds watched 5000',
        'sentinel failover-timeout watched 10000',
        '',
      ].join('\n'),
    );
    // The mode is the last word of its command line; the file has to come before it.
    const [file = '', ...words] = installed.sentinel.toSpliced(-1, 0, config);
    const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const sentinel = new Sentinel(port);
    const take = (text: string): void => {
      sentinel.#printed += text;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    onTestFinished(async () => {
      sentinel.client.disconnect();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      await rm(home, { recursive: true, force: true });
    });
    return sentinel;
  }

  /** All that it printed. */
  get printed(): string {
    return this.#printed;
  }

  /** The ports of all replicas that it has found, also of those that it does not list. */
  get found(): number[] {
    const lines = this.#printed.matchAll(/\+slave slave 127\.0\.0\.1:(\d+) /g);
    return [...new Set(Array.from(lines, ([, port]) => Number(port)))].sort();
  }

  /** What it tells clients about each replica, by port. */
  async replicas(): Promise<Map<number, Record<string, string>>> {
    const listed = (await this.client.call('SENTINEL', 'replicas', 'watched')) as string[][];
    return new Map(
      listed.map((words) => {
        const fields: Record<string, string> = {};
        for (let i = 0; i + 1 < words.length; i += 2) fields[words[i]!] = words[i + 1]!;
        return [Number(fields.port), fields];
      }),
    );
  }

  /** The port of whom it takes for the primary. */
  async primary(): Promise<number> {
    const address = await this.client.call('SENTINEL', 'get-master-addr-by-name', 'watched');
    return Number((address as string[])[1]);
  }
}
