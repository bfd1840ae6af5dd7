import type { IncomingMessage, ServerResponse } from 'node:http';
import type { History } from '../status/history.ts';
import { SERIES } from '../status/history.ts';
import type { Status } from '../status/status.ts';
import { EXPOSITION_TYPE, expositionOf } from './exposition.ts';
import type { Live } from './live.ts';
import { serverSent } from './live.ts';
import type { PageFile } from './page-files.ts';
import { pageFiles } from './page-files.ts';
import { readinessOf } from './readiness.ts';
import { reportOf } from './report.ts';
import type { Route } from './server.ts';
import { send } from './server.ts';

/** Milliseconds that what was made of a status once is given out for: however many ask, it costs as much. */
const FRESH = 200;

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

/** Everything that is served, by path. `maxLag`: seconds of lag up to which the daemon is ready. */
export function routesOf(
  status: () => Status,
  history: History,
  live: Live,
  maxLag: number,
): ReadonlyMap<string, Route> {
  const metrics = remembered(() => expositionOf(status()));
  const report = remembered(() => `${JSON.stringify(reportOf(status()))}\n`);
  const readiness = remembered(() => readinessOf(status(), maxLag));
  const routes = new Map<string, Route>([
    ['/healthz', (_, response) => send(response, 200, 'ok\n')],
    [
      '/readyz',
      answered(readiness, (response, { ready, text }) =>
        send(response, ready ? 200 : 503, `${text}\n`),
      ),
    ],
    [
      '/metrics',
      answered(metrics, (response, text) =>
        send(response, 200, text, { 'Content-Type': EXPOSITION_TYPE }),
      ),
    ],
    ['/status.json', answered(report, (response, text) => send(response, 200, text, JSON_TYPE))],
    ['/events', (request, response) => openPage(status, history, live, request, response)],
  ]);
  for (const [path, file] of pageFiles()) routes.set(path, serving(file));
  return routes;
}

/** What open pages are told each second. */
export function tickOf(status: Status): string {
  return serverSent('status', reportOf(status));
}

function openPage(
  status: () => Status,
  history: History,
  live: Live,
  { method }: IncomingMessage,
  response: ServerResponse,
): void {
  if (live.full) {
    send(response, 503, 'as many pages are open as are served\n', {
      // It would take the place of somebody who asks how we are.
      'Retry-After': '10',
      Connection: 'close',
    });
    return;
  }
  response.writeHead(200, {
    'Cache-Control': 'no-store',
    'Content-Type': 'text/event-stream; charset=utf-8',
    // A proxy is to keep nothing back.
    'X-Accel-Buffering': 'no',
  });
  if (method === 'HEAD') response.end();
  else live.add(response, serverSent('history', columnsOf(history)) + tickOf(status()));
}

/** A column a series, as charts take them. */
function columnsOf({ samples }: History): Record<string, (number | null)[]> {
  const names = Object.keys(SERIES) as (keyof typeof SERIES)[];
  return Object.fromEntries(names.map((name) => [name, samples.map((sample) => sample[name])]));
}

function serving({ type, bytes, etag }: PageFile): Route {
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-cache', ETag: etag };
  return ({ headers: { 'if-none-match': known } }, response) => {
    if (known !== etag) send(response, 200, bytes, headers);
    else response.writeHead(304, headers).end();
  };
}

function answered<T>(make: () => T, answer: (response: ServerResponse, made: T) => void): Route {
  return (_, response) => {
    let made: T;
    try {
      made = make();
    } catch {
      // A fault of ours. Where it came from is not for whoever asks.
      send(response, 500, 'this could not be told\n');
      return;
    }
    answer(response, made);
  };
}

/** A function that caches the result of `make` for `FRESH` milliseconds. */
function remembered<T>(make: () => T): () => T {
  let made: { readonly value: T; readonly since: number } | undefined;
  return () => {
    const now = performance.now();
    if (made === undefined || now - made.since > FRESH) made = { value: make(), since: now };
    return made.value;
  };
}
