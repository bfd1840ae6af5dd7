import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A file of the page, in memory. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

/** The page's own files, as they are served. */
const OWN = [
  'index.html',
  'page.css',
  'icon.svg',
  'page.js',
  'live.js',
  'chain.js',
  'axis.js',
  'charts.js',
  'time-line.js',
  'events.js',
  'facts.js',
  'format.js',
  'elements.js',
] as const;

const require = createRequire(import.meta.url);
/** Those of uPlot, by the names that ours know them by. */
const UPLOT = {
  'uplot.js': require.resolve('uplot/dist/uPlot.esm.js'),
  'uplot.css': require.resolve('uplot/dist/uPlot.min.css'),
} as const;

/**
 * All files of the page, by the path that each is asked for by. They are read once: whatever is asked for,
 * no other file is ever opened.
 */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of OWN) {
    const path = fileURLToPath(new URL(`../../page/${name}`, import.meta.url));
    files.set(name === 'index.html' ? '/' : `/page/${name}`, fileOf(path, name));
  }
  for (const [name, path] of Object.entries(UPLOT)) files.set(`/page/${name}`, fileOf(path, name));
  return files;
}

function fileOf(path: string, name: string): PageFile {
  const bytes = readFileSync(path);
  const type = TYPES[name.split('.').at(-1) as keyof typeof TYPES];
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { type, bytes, etag: `"${digest}"` };
}
