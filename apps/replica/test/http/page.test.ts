import { Server, seedDataSet } from '@forebay/conformance';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, followArguments, freshDirectory } from '../daemon.ts';
import { loadOn } from '../primary.ts';
import { portOf, replicaOf, serversNamed } from '../servers/chain.ts';
import { installedChromium, launch, Viewer } from './browser.ts';
import { HTTP, urlOf } from './http.ts';
import { SlowProxy } from './slow-proxy.ts';

const executable = installedChromium();
const [installed] = serversNamed('valkey-8.1');

describe.skipIf(executable === undefined || installed === undefined)(
  'the page, in Chromium',
  { timeout: 180_000 },
  () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await launch(executable!);
    });

    afterAll(async () => {
      await browser?.close();
    });

    async function primaryOf(config: Record<string, string> = {}): Promise<Server> {
      const primary = await Server.start(installed!, { config });
      onTestFinished(() => primary.stop());
      return primary;
    }

    /** What it complained of while it was open fails the test. */
    async function viewerOf(url: string): Promise<Viewer> {
      const viewer = await Viewer.open(browser, url);
      onTestFinished(async () => {
        expect(viewer.faults).toEqual([]);
        await viewer[Symbol.asyncDispose]();
      });
      return viewer;
    }

    it('shows the chain, the log, and each reader, and who lags', async () => {
      const primary = await primaryOf();
      const directory = await freshDirectory();
      const daemon = Daemon.follow(primary, directory, ...HTTP, '--port', 'any');
      const url = await urlOf(daemon);
      await daemon.prints(/full copy done/);
      const port = portOf(daemon);
      const replica = await replicaOf(installed!, port);
      const stuck = await replicaOf(installed!, port);
      await daemon.prints(/gets a full copy/, 2);
      const tail = ['tail', '--dir', directory, '--no-follow', '--cursor'];
      expect(await Daemon.start([...tail, 'search-index']).exited).toBe(0);
      const load = loadOn(primary, 2000);
      load.start();
      onTestFinished(async () => void (await load.stop()));

      const viewer = await viewerOf(url);
      await expect.poll(() => viewer.text('#state-text')).toBe('Following');
      await expect.poll(() => viewer.text('#throughput-now')).toMatch(/[KM]iB\/s$/);
      expect(await viewer.text('.node.above')).toContain(`127.0.0.1:${primary.port}`);
      const laneOf = (name: string) => `.lanes li[data-key="${name}"]`;
      for (const { port: below } of [replica, stuck]) {
        await expect.poll(() => viewer.text('.below')).toContain(`127.0.0.1:${below}`);
        await expect
          .poll(() => viewer.text(laneOf(`127.0.0.1:${below}`)))
          .toMatch(/behind|keeping up|up to date/);
      }

      process.kill(stuck.pid, 'SIGSTOP');
      onTestFinished(() => {
        process.kill(stuck.pid, 'SIGCONT');
      });
      const slow = `${laneOf(`127.0.0.1:${stuck.port}`)} .lane[data-tone="slow"]`;
      await viewer.page.waitForSelector(slow, { timeout: 40_000 });
      const cursor = `${laneOf('search-index')} .lane[data-tone="slow"]`;
      await viewer.page.waitForSelector(cursor, { timeout: 20_000 });
      expect(await viewer.text(laneOf('search-index'))).toMatch(/ s behind$/);
      const online = `${laneOf(`127.0.0.1:${replica.port}`)} .lane[data-tone="good"]`;
      await expect.poll(() => viewer.page.locator(online).count()).toBe(1);
      await viewer.picture('lagging-reader');

      const others = ['warehouse', 'audit'];
      for (const name of others) expect(await Daemon.start([...tail, name]).exited).toBe(0);
      for (const name of others) await viewer.page.waitForSelector(laneOf(name));
      await expect.poll(() => viewer.page.locator('.below.many li').count()).toBe(5);
      await viewer.picture('many-readers');
    });

    it('shows a sync as it runs, a link that is cut, and how it comes back', async () => {
      const primary = await primaryOf({ 'repl-diskless-sync': 'no' });
      await seedDataSet(primary.client, { megabytes: 8 });
      await using proxy = await SlowProxy.to(primary);
      proxy.rate = 512 * 1024;
      const directory = await freshDirectory();
      const address = ['--replicaof', proxy.host, String(proxy.port)];
      const daemon = Daemon.start(['replica', ...address, '--dir', directory, ...HTTP]);
      const viewer = await viewerOf(await urlOf(daemon));
      await viewer.page.waitForSelector('#sync:not([hidden])');
      await expect.poll(() => viewer.text('#sync-text')).toMatch(/of \d.* MiB at .* left\. Why: /);
      expect(await viewer.text('#state-text')).toBe('Receiving a full copy');
      const bar = viewer.page.locator('#sync-bar');
      const share = async () => Number(await bar.getAttribute('aria-valuenow'));
      await expect.poll(share).toBeGreaterThan(15);
      await viewer.picture('sync');

      proxy.rate = Number.POSITIVE_INFINITY;
      await expect.poll(() => viewer.text('#state-text')).toBe('Following');
      expect(await viewer.page.isHidden('#sync')).toBe(true);

      proxy.closed = true;
      proxy.cut();
      await viewer.page.waitForSelector('.state[data-tone="bad"]');
      await expect.poll(() => viewer.text('#events')).toMatch(/trying again/);
      await expect.poll(() => viewer.text('#lag-now')).toMatch(/^[1-9].* s$/);
      expect(await viewer.text('.node.above')).toMatch(/not reached for \d+ s/);
      await viewer.page.waitForSelector('#alerts li[data-tone="bad"]');
      expect(await viewer.text('#alerts')).toMatch(/^No link to 127.0.0.1:\d+ for \d+/);
      await viewer.picture('link-cut');
      expect(await viewer.text('#announcement')).toMatch(/trying again soon|connecting/);

      proxy.closed = false;
      await viewer.page.waitForSelector('.state[data-tone="good"]');
      await expect.poll(() => viewer.text('#facts')).toMatch(/1 × same id/);
      await viewer.page.waitForSelector('#alerts', { state: 'hidden' });
      expect(await viewer.text('#facts')).toMatch(
        /Retention1 d.*Disk limit.*Candidates127\.0\.0\.1:/,
      );
    });

    it('says that the daemon is gone, and goes on by itself when it is back', async () => {
      const primary = await primaryOf();
      const directory = await freshDirectory();
      const daemon = Daemon.follow(primary, directory, ...HTTP);
      const url = await urlOf(daemon);
      const viewer = await viewerOf(url);
      await viewer.page.waitForSelector('.state[data-tone="good"]');
      expect(await viewer.page.isHidden('#banner')).toBe(true);
      expect(await daemon.stop()).toBe(0);
      await viewer.page.waitForSelector('#banner:not([hidden])');
      expect(await viewer.text('#banner')).toMatch(/connection to this forebay was lost/);
      await viewer.picture('daemon-gone');
      const again = Daemon.start(
        followArguments(primary, directory, ['--http', new URL(url).host]),
      );
      await again.prints(/partial resync/);
      await viewer.page.waitForSelector('#banner', { state: 'hidden' });
      await viewer.page.waitForSelector('.state[data-tone="good"]');
    });

    it('is used by the keyboard, and keeps still where that is wished', async () => {
      const primary = await primaryOf();
      const daemon = Daemon.follow(primary, await freshDirectory(), ...HTTP);
      const viewer = await viewerOf(await urlOf(daemon));
      const { page } = viewer;
      await page.waitForSelector('.state[data-tone="good"]');
      const focused = () =>
        page.evaluate('document.activeElement.id || document.activeElement.textContent');
      const visited: unknown[] = [];
      for (let i = 0; i < 8; i++) {
        await page.keyboard.press('Tab');
        visited.push((await focused()) || (await page.evaluate('document.activeElement.value')));
      }
      const links = ['/metrics', '/status.json', '/readyz', '/healthz'];
      expect(visited.slice(0, 7)).toEqual(['Skip to the chain', 'lagSeconds', 'events', ...links]);

      await page.focus('input[value="lagSeconds"]');
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => viewer.text('#lag-now')).toMatch(/ B$/);
      await expect.poll(() => page.getAttribute('#lag', 'aria-label')).toMatch(/now \d+ B/);

      const line = 'getComputedStyle(document.querySelector(".chain-grid > .wire .line"))';
      expect(await page.evaluate(`${line}.animationName`)).toBe('flow');
      await page.emulateMedia({ reducedMotion: 'reduce' });
      expect(await page.evaluate(`${line}.animationName`)).toBe('none');
    });
  },
);
