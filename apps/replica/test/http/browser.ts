import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { expect } from 'vitest';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const RESULTS = fileURLToPath(new URL('../../.results/page/', import.meta.url));

const { FOREBAY_CHROMIUM: named, FOREBAY_SERVERS, PATH = '' } = process.env;
const SERVERS = FOREBAY_SERVERS || fileURLToPath(new URL('../../../../.servers', import.meta.url));

/** What FOREBAY_CHROMIUM names, or the first on PATH, or what `scripts/chromium.mjs` has put in place. */
export function installedChromium(): string | undefined {
  if (named) return named;
  const places = PATH.split(':').flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...places, join(SERVERS, 'chromium', 'chromium')].find((place) => existsSync(place));
}

export function launch(executablePath: string): Promise<Browser> {
  // As root there is no sandbox, and in a container little shared memory.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  return chromium.launch({ executablePath, args });
}

/** Pairs of labels of the time line that overlap, in the page. */
const OVERLAPS = `(() => {
  const labels = [...document.querySelectorAll('.band text')]
    .map((label) => ({ text: label.textContent, box: label.getBoundingClientRect() }))
    .sort((a, b) => a.box.left - b.box.left);
  return labels.slice(1).flatMap(({ text, box }, i) =>
    box.left < labels[i].box.right ? [labels[i].text + ' | ' + text] : []);
})()`;

const SIZES = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 390, height: 844 },
} as const;

/** A page that is looked at: whatever it complains of, or fetches from elsewhere, is a failure. */
export class Viewer implements AsyncDisposable {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #faults: string[] = [];

  private constructor(page: Page, context: BrowserContext) {
    this.page = page;
    this.#context = context;
  }

  static async open(browser: Browser, url: string): Promise<Viewer> {
    const context = await browser.newContext({ viewport: SIZES.desktop, colorScheme: 'light' });
    const page = await context.newPage();
    const viewer = new Viewer(page, context);
    page.on('pageerror', (error) => viewer.#faults.push(error.message));
    page.on('console', (message) => {
      const isCut = /Failed to load resource|ERR_/.test(message.text());
      if (message.type() === 'error' && !isCut) viewer.#faults.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`)) viewer.#faults.push(`fetched ${request.url()}`);
    });
    await page.goto(`${url}/`);
    await page.waitForSelector('body.ready');
    return viewer;
  }

  /** What went wrong since it was opened. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Keeps pictures of it: wide and narrow, light and dark. Nothing overflows or overlaps at either width. */
  async picture(name: string): Promise<void> {
    await mkdir(RESULTS, { recursive: true });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await this.page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark'] as const) {
        await this.page.emulateMedia({ colorScheme });
        const path = join(RESULTS, `${name}-${size}-${colorScheme}.png`);
        await this.page.screenshot({ path, fullPage: true, animations: 'disabled' });
      }
      const wider = await this.page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(wider).toBeLessThanOrEqual(0);
      expect(await this.page.evaluate(OVERLAPS)).toEqual([]);
    }
    await this.page.setViewportSize(SIZES.desktop);
    await this.page.emulateMedia({ colorScheme: 'light' });
  }

  async text(selector: string): Promise<string> {
    return (await this.page.textContent(selector)) ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
