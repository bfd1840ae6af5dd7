import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { CHALLENGE, isAuthorized } from './password.ts';

/** What a request is refused with. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Access rules: passwords and host names. */
export interface Access {
  /** Names, as of `nameInHost`, that a `Host` header may have besides local ones; undefined: any, unless only this machine gets here. */
  readonly allowedHosts: readonly string[] | undefined;
  /** Undefined: none is asked for. */
  readonly password: string | undefined;
}

/** Paths for probes: a probe has no password and may use any host name. */
const PROBES: readonly string[] = ['/healthz', '/readyz'];

/** Headers of every answer. Nothing is taken from another host, and nobody else may show the page. */
export const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** Why a request is not even looked at; undefined: it is. `isLocal`: only this machine reaches the server. */
export function refusalOf(
  request: IncomingMessage,
  path: string,
  isLocal: boolean,
  { allowedHosts, password }: Access,
): Refusal | undefined {
  const { method = '', headers } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    const reason = 'only GET and HEAD are supported: this server is read-only';
    return { status: 405, reason, headers: { Allow: 'GET, HEAD' } };
  }
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return { status: 413, reason: 'no body is taken' };
  }
  if (PROBES.includes(path)) return undefined;
  // A foreign name that leads here makes a page from there one of this server to the browser (DNS rebinding).
  if (!isServed(nameInHost(headers.host ?? ''), isLocal, allowedHosts)) {
    return { status: 421, reason: 'host name not allowed: see --http-allowed-hosts' };
  }
  const isForeign = headers['sec-fetch-site'] === 'cross-site';
  if (isForeign && headers['sec-fetch-mode'] !== 'navigate') {
    return { status: 403, reason: 'this is not for pages of others' };
  }
  if (password !== undefined && !isAuthorized(headers.authorization, password)) {
    return { status: 401, reason: 'password required', headers: CHALLENGE };
  }
  return undefined;
}

/** Whether an address is of the machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** An IP address cannot be used for DNS rebinding; only a loopback listener requires local names. */
function isServed(
  name: string,
  isLocal: boolean,
  allowedHosts: readonly string[] | undefined,
): boolean {
  if (isLoopback(name) || name.endsWith('.localhost')) return true;
  if (allowedHosts === undefined) return !isLocal;
  return allowedHosts.includes(name) || (!isLocal && isIP(name) !== 0);
}

/** The name of a `Host` header. The port may be another one: it may be forwarded. */
export function nameInHost(host: string): string {
  const name = host.toLowerCase().replace(/:\d*$/, '');
  return name.replace(/^\[(.*)\]$/, '$1');
}
