import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { InvalidArgumentError } from 'commander';
import { EXIT, ExitError } from '../../exit.ts';
import type { StatusReport } from './report.ts';

/** Milliseconds that an answer may take. */
const PATIENCE = 10_000;
/** Bytes of an answer that are read at most. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Where the daemon listens by default. */
export const DEFAULT_ADDRESS = '127.0.0.1:6381';

/** The status of a running daemon. */
export interface Told {
  readonly report: StatusReport;
  /** The response of `/readyz`: whether the daemon is ready, and the line. */
  readonly ready: boolean;
  readonly text: string;
}

/** `HOST:PORT` or a URL, with or without credentials. A wildcard address means this machine. */
export function httpUrlOf(text: string): URL {
  const isUrl = /^https?:\/\//i.test(text);
  const url = URL.canParse(isUrl ? text : `http://${text}`)
    ? new URL(isUrl ? text : `http://${text}`)
    : undefined;
  const isAddress =
    url !== undefined && (isUrl || /^(\[[\da-f:.]+\]|[^\s:/@[\]]+):\d+$/i.test(text));
  if (!isAddress || url.hash !== '' || url.search !== '') {
    throw new InvalidArgumentError('Give HOST:PORT or a URL, http://:PASSWORD@HOST:PORT.');
  }
  if (credentialsOf(url) === undefined) {
    throw new InvalidArgumentError('A % in the password of a URL is written %25.');
  }
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  return url;
}

/**
 * Asks a daemon for its status. `password`: where the URL has none.
 *
 * @throws {ExitError} unavailable; denied where the password is wrong; configuration where TLS fails
 */
export async function askDaemon(
  url: URL,
  { cacert, password }: { readonly cacert?: string; readonly password?: string },
): Promise<Told> {
  const ca = cacert === undefined ? undefined : certificatesIn(cacert);
  if (url.username === '' && url.password === '' && password !== undefined) {
    url.password = encodeURIComponent(password);
  }
  const [status, readiness] = await Promise.all([
    get(url, '/status.json', ca),
    get(url, '/readyz', ca),
  ]);
  if (status.code !== 200) throw refused(url, status);
  const report = parsed(status.text);
  if (report === undefined) {
    const message = `${nameOf(url)} is not a forebay daemon: /status.json is not a forebay status`;
    throw new ExitError(EXIT.unavailable, message);
  }
  return { report, ready: readiness.code === 200, text: readiness.text.trim() };
}

interface Answer {
  readonly code: number;
  readonly text: string;
}

function get(url: URL, path: string, ca: string | undefined): Promise<Answer> {
  const { protocol, username, password } = url;
  const auth = username === '' && password === '' ? {} : { auth: credentialsOf(url) ?? '' };
  const options = { ...auth, agent: false, signal: AbortSignal.timeout(PATIENCE) };
  const target = new URL(path, url);
  target.username = '';
  target.password = '';
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(unreachable(url, error));
    const take = (response: IncomingMessage) => {
      textOf(response).then((text) => resolve({ code: response.statusCode ?? 0, text }), fail);
    };
    const sent =
      protocol === 'https:'
        ? tlsRequest(target, { ...options, ...(ca === undefined ? {} : { ca }) }, take)
        : plainRequest(target, options, take);
    sent.on('error', fail);
    sent.end();
  });
}

/** `USER:PASSWORD`; undefined where a % does not begin the code of a character. */
function credentialsOf({ username, password }: URL): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MOST_BYTES) throw new Error(`the response exceeds ${MOST_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function parsed(text: string): StatusReport | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isStatus = typeof value === 'object' && value !== null && 'link' in value;
    return isStatus ? (value as StatusReport) : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(url: URL, error: unknown): ExitError {
  const { code, name, message } = error as NodeJS.ErrnoException;
  const why = name === 'TimeoutError' || name === 'AbortError' ? 'no response in 10 s' : code;
  const what = `no status from ${nameOf(url)}: ${why ?? message}`;
  if (url.protocol === 'http:' && /^(HPE_|ECONNRESET)/.test(code ?? '')) {
    return new ExitError(
      EXIT.configuration,
      `${what}; the server may expect HTTPS: use https://`,
      error,
    );
  }
  const isTls = /CERT|SSL|TLS|ALTNAME|_SIGNATURE/.test(code ?? '');
  if (isTls)
    return new ExitError(
      EXIT.configuration,
      `${what}; give the CA certificate with --cacert`,
      error,
    );
  const advice = 'is "forebay replica" running? --dir DIR reads a directory without the daemon';
  return new ExitError(EXIT.unavailable, `${what}; ${advice}`, error);
}

function refused(url: URL, { code, text }: Answer): ExitError {
  const [first = ''] = text.split('\n');
  const message = `${nameOf(url)} answers ${code} (${first})`;
  if (code !== 401 && code !== 403) return new ExitError(EXIT.unavailable, message);
  return new ExitError(
    EXIT.denied,
    `${message}; give --http ${url.protocol}//:PASSWORD@${url.host} or FOREBAY_HTTP_PASSWORD`,
  );
}

/** Without the credentials. */
function nameOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

function certificatesIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.configuration, `--cacert ${path} cannot be read: ${code ?? message}`);
  }
}
