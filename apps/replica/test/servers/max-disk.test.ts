import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '@forebay/conformance';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { HTTP, reportFrom, urlOf } from '../http/http.ts';
import { caughtUp, expectBootsEqual, holdStill } from '../primary.ts';
import { chainOn, portOf, serversNamed } from './chain.ts';

const MIB = 1024 ** 2;
const VALUE = 64 * 1024;
const [installed] = serversNamed('valkey-8.1');

/** The most that a directory has had, until it is stopped. */
class Gauge {
  most = 0;
  #stopped = false;
  readonly #measuring: Promise<void>;

  constructor(directory: string) {
    this.#measuring = this.#measure(join(directory, 'appendonlydir'));
  }

  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#measuring;
    return this.most;
  }

  async #measure(inner: string): Promise<void> {
    while (!this.#stopped) {
      const names = await readdir(inner).catch(() => []);
      const sizes = names.map((name) =>
        stat(join(inner, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      );
      const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
      this.most = Math.max(this.most, total);
      await sleep(10);
    }
  }
}

/** Writes so many values of 64 KiB to 50 keys; `rate` in bytes a second. */
async function write(primary: Server, values: number, rate = Infinity): Promise<void> {
  const began = Date.now();
  for (let i = 0; i < values; i++) {
    await primary.command('SET', `key${i % 50}`, randomBytes(VALUE));
    const due = began + (i * VALUE * 1000) / rate;
    if (due > Date.now()) await sleep(due - Date.now());
  }
}

describe.skipIf(installed === undefined)('--max-disk', () => {
  it('is kept by bases that are fetched early, with the other settings at their defaults', async () => {
    const directory = await freshDirectory();
    const { primary, daemon } = await chainOn(directory, installed!, '--max-disk', '48mb');
    await primary.command('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
    const gauge = new Gauge(directory);
    await write(primary, 1000, 3.5 * MIB);
    await daemon.prints(/fetching a fresh base early/);
    await daemon.prints(/fresh base done/);
    await holdStill(primary);
    await caughtUp(primary);
    expect(daemon.printed).not.toMatch(/replication paused until there is room/);
    expect(await daemon.stop()).toBe(0);
    expect(await gauge.stop()).toBeLessThanOrEqual(48 * MIB);
    // Retention removes whole files: with one alone, all that a lagging consumer needs went at once.
    const names = await readdir(join(directory, 'appendonlydir'));
    expect(names.filter((name) => name.endsWith('.incr.aof')).length).toBeGreaterThan(2);
    await expectBootsEqual(primary, directory);
  }, 120_000);

  it('that the stream reaches too fast pauses replication, and the log line names the limit that is needed', async () => {
    const directory = await freshDirectory();
    const flags = ['--max-disk', '16mb', ...HTTP];
    const { primary, daemon, port } = await chainOn(directory, installed!, ...flags);
    const url = await urlOf(daemon);
    const gauge = new Gauge(directory);
    await write(primary, 1000);
    await daemon.prints(/--max-disk 16\.0 MiB: reached; .*; give .* or more; replication paused/);
    const paused = async () => (await reportFrom(url)).paused;
    await expect.poll(paused).toMatchObject({ cause: 'max-disk' });
    const { needed = 0 } = (await paused()) ?? {};
    expect(needed).toBeGreaterThan(16 * MIB);
    expect(await gauge.stop()).toBeLessThanOrEqual(16 * MIB);
    await set(port, 'max-disk', '1gb');
    await holdStill(primary);
    await caughtUp(primary);
    await expect.poll(paused).toBeNull();
    expect(await daemon.stop()).toBe(0);
    await expectBootsEqual(primary, directory);
  }, 120_000);

  it('that the file system cannot hold, or that is less than --retain, is warned about at the start', async () => {
    const settings = ['--max-disk', '1000tb', '--retain', '2000tb'];
    const args = ['replica', '--replicaof', '127.0.0.1', '1', '--dir', await freshDirectory()];
    const daemon = Daemon.start([...args, ...settings]);
    await daemon.prints(/--retain .* exceeds --max-disk /);
    await daemon.prints(/--max-disk .* exceeds the space on the disk: .* are free/);
    expect(await daemon.stop()).toBe(0);
  });

  it('without room for two bases causes a warning at once, and a pause at the limit', async () => {
    await using primary = await Server.start(installed!, {
      config: { 'repl-backlog-size': '64mb' },
    });
    await write(primary, 50);
    const directory = await freshDirectory();
    const flags = ['--max-disk', '12mb', '--port', 'any'];
    const first = Daemon.follow(primary, directory, ...flags);
    const warning = /--max-disk 12\.0 MiB is too small: .* do not fit; .* set at least 1\d\.\d MiB/;
    await first.prints(warning);
    const gauge = new Gauge(directory);
    await write(primary, 200);
    await first.prints(
      /--max-disk 12\.0 MiB: two bases of .* do not fit; give .* or more; replication paused/,
    );
    expect(await first.stop()).toBe(0);

    const daemon = Daemon.follow(primary, directory, ...flags);
    await daemon.prints(warning);
    await daemon.prints(/replication paused until there is room/);
    expect(await gauge.stop()).toBeLessThanOrEqual(12 * MIB);
    await set(portOf(daemon), 'max-disk', '100mb');
    await daemon.prints(/replication resumed/);
    await holdStill(primary);
    await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);
    await expectBootsEqual(primary, directory);
  }, 120_000);
});

async function set(port: number, name: string, value: string): Promise<void> {
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2 });
  try {
    expect(await client.call('CONFIG', 'SET', name, value)).toBe('OK');
  } finally {
    client.disconnect();
  }
}
