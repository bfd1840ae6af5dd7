import { spawn } from 'node:child_process';
import { freePort, Server } from '@forebay/conformance';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, followArguments, freshDirectory } from '../daemon.ts';
import { loadOn } from '../primary.ts';
import { portOf, replicaOf, serversNamed } from '../servers/chain.ts';
import { installedChromium, launch, Viewer } from './browser.ts';
import { HTTP, reportFrom, urlOf } from './http.ts';

const executable = installedChromium();
const [installed] = serversNamed('valkey-8.1');

describe.skipIf(executable === undefined || installed === undefined)('the page, in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch(executable!);
  });

  afterAll(async () => {
    await browser?.close();
  });

  const primaryWith = async (config: Record<string, string | number> = {}) => {
    const primary = await Server.start(installed!, { config: { 'repl-diskless-sync-delay': 0, ...config } });
    onTestFinished(() => primary.stop());
    return primary;
  };

  const viewerOf = async (url: string) => {
    const viewer = await Viewer.open(browser, url);
    onTestFinished(async () => {
      expect(viewer.faults).toEqual([]);
      await viewer[Symbol.asyncDispose]();
    });
    return viewer;
  };

  it('shows the chain, the log, and each reader, and who lags', async () => {
    const primary = await primaryWith();
    await primary.command('SET', 'some', 'x'.repeat(1000));
    const directory = await freshDirectory();
    const daemon = Daemon.follow(primary, directory, ...HTTP, '--port', '0');
    const url = await urlOf(daemon);
    await daemon.prints(/full copy done/);
    const port = portOf(daemon);
    const replicas = [await replicaOf(installed!, port), await replicaOf(installed!, port)];
    await daemon.prints(/gets a full copy/, 2);
    const cursor = Daemon.start(['tail', '--dir', directory, '--cursor', 'search-index', '--no-follow']);
    await cursor.exited;
    const load = loadOn(primary, 2000);
    load.start();
    onTestFinished(() => load.stop().then(() => undefined));
    const viewer = await viewerOf(url);
    await expect.poll(() => viewer.text('#state-text')).toBe('Following');
    await expect.poll(() => viewer.text('#throughput-now')).toMatch(/[KM]iB\/s$/);
    await expect.poll(() => viewer.text('.node.above')).toContain(`127.0.0.1:${primary.port}`);
    for (const replica of replicas) {
      await expect.poll(() => viewer.text('.below')).toContain(`127.0.0.1:${replica.port}`);
      await expect.poll(() => viewer.text('.lanes')).toContain(`127.0.0.1:${replica.port}`);
    }

    const [stuck] = replicas;
    process.kill(stuck!.pid, 'SIGSTOP');
    onTestFinished(() => {
      process.kill(stuck!.pid, 'SIGCONT');
    });
    const lane = `.lanes li[data-key="127.0.0.1:${stuck!.port}"]`;
    await expect.poll(() => viewer.text(lane)).toMatch(/behind/);
    const slow = viewer.page.locator(`${lane} .lane[data-tone="slow"]`);
    await slow.waitFor({ timeout: 40_000 });
    await expect.poll(() => viewer.text('.lanes li[data-key="search-index"]')).toMatch(/behind/);
    await viewer.picture('following');
    const { replicas: reported } = await reportFrom(url);
    expect(reported.find(({ name }) => name.endsWith(`:${stuck!.port}`))?.behind).toBeGreaterThan(0);
  });
});

void [spawn, freePort, followArguments];
