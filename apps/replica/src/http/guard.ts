import type { IncomingMessage } from 'node:http';

/** What a request is refused with. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

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

/** Why a request is not even looked at; undefined: it is. `isLocal`: only this machine reaches us. */
export function refusalOf(request: IncomingMessage, isLocal: boolean): Refusal | undefined {
  const { method = '', headers } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, reason: 'only GET and HEAD are served: nothing here changes anything' };
  }
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return { status: 413, reason: 'no body is taken' };
  }
  // A name of somebody else's that leads here makes a page of theirs one of ours to the browser.
  if (isLocal && !isLocalName(headers.host ?? '')) {
    return { status: 421, reason: 'this is served to the machine itself, under a name of its own' };
  }
  const isForeign = headers['sec-fetch-site'] === 'cross-site';
  if (isForeign && headers['sec-fetch-mode'] !== 'navigate') {
    return { status: 403, reason: 'this is not for pages of others' };
  }
  return undefined;
}

/** Whether an address is of the machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** The port may be another one: it may be forwarded. */
function isLocalName(host: string): boolean {
  const name = host.toLowerCase().replace(/:\d*$/, '');
  return isLoopback(name.replace(/^\[(.*)\]$/, '$1')) || name.endsWith('.localhost');
}
