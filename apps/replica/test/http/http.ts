import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { expect } from 'vitest';
import type { Daemon } from '../daemon.ts';

/** What turns HTTP on, on a port of its own. */
export const HTTP = ['--http', '127.0.0.1:0'] as const;

/** Where a daemon serves HTTP, once it has said so. */
export async function urlOf(daemon: Daemon): Promise<string> {
  const said = /metrics and a page are served at (http:\S+)\//;
  await daemon.prints(said);
  return said.exec(daemon.printed)?.[1] ?? '';
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request, its path as it is given: nothing is put right before it is sent. */
export function ask(url: string, path: string, asked: Asked = {}): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const { method = 'GET', headers = {}, body } = asked;
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The parts of `/status.json` that tests look at. */
export interface Report {
  readonly link: {
    readonly state: string;
    readonly syncs: {
      readonly full: Record<string, number>;
      readonly partial: Record<string, number>;
    };
    readonly received: {
      readonly stream: number;
      readonly commands: number;
      readonly snapshots: number;
    };
  };
  readonly paused: {
    readonly cause: string;
    readonly reason: string;
    readonly needed: number;
    readonly since: number;
  } | null;
  readonly lag: { readonly bytes: number | null; readonly seconds: number };
  readonly log: { readonly id: string; readonly written: number; readonly synced: number } | null;
  readonly held: { readonly bytes: number; readonly segments: readonly object[] } | null;
  readonly replicas: readonly ReportedReader[];
  readonly cursors: readonly ReportedReader[];
  readonly events: readonly { readonly message: string }[];
}

interface ReportedReader {
  readonly name: string;
  readonly state: string;
  readonly behind: number | null;
  readonly age: number | null;
}

export async function reportFrom(url: string): Promise<Report> {
  const { status, text } = await ask(url, '/status.json');
  expect(status).toBe(200);
  return JSON.parse(text) as Report;
}

/** A line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What was scraped, read by the grammar of the text format. */
export class Scrape {
  readonly samples: readonly Sample[];
  /** Type of each family, and the lines of help, in the order in which they came. */
  readonly types = new Map<string, string>();
  readonly helps = new Map<string, string>();

  /** @throws where a line is none, a family comes twice, or a sample before its family */
  constructor(text: string) {
    expect(text.endsWith('\n')).toBe(true);
    this.samples = text.split('\n').flatMap((line) => this.#line(line));
  }

  /** The value of the one sample of that name and those labels. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.samples.filter((sample) => {
      const same = Object.entries(labels).every(([key, each]) => sample.labels[key] === each);
      return sample.name === name && same;
    });
    expect(found.length).toBeLessThan(2);
    return found[0]?.value;
  }

  #line(line: string): Sample[] {
    if (line === '') return [];
    const [, kind, family = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const known = kind === 'TYPE' ? this.types : this.helps;
      if (known.has(family)) throw new Error(`${kind} of ${family} comes twice`);
      known.set(family, rest);
      return [];
    }
    const [, name = '', , inner = '', value = ''] =
      /^([a-z_]+)(\{(.*)\})? (-?[\d.]+(?:e[+-]?\d+)?|NaN|[+-]Inf)$/.exec(line) ?? [];
    if (name === '') throw new Error(`no line of the format: ${line}`);
    const owner = [...this.types.keys()].at(-1) ?? '';
    const suffix = name.slice(owner.length);
    const isHistogram = this.types.get(owner) === 'histogram';
    const allowed = isHistogram ? ['_bucket', '_sum', '_count'] : [''];
    if (!name.startsWith(owner) || !allowed.includes(suffix)) {
      throw new Error(`${name} stands below ${owner}`);
    }
    const labels: Record<string, string> = {};
    const left = inner.replace(/([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)",?/g, (_, key, text) => {
      labels[key] = text;
      return '';
    });
    if (left !== '') throw new Error(`no labels: ${inner}`);
    return [{ name, labels, value: Number(value.replace('Inf', 'Infinity')) }];
  }
}

export async function scrape(url: string): Promise<Scrape> {
  const { status, headers, text } = await ask(url, '/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  return new Scrape(text);
}
