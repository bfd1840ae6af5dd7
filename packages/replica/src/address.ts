import { ReplicaError } from './errors.ts';

/** Where a primary listens, and who we are to it. */
export type Address = Endpoint & {
  readonly username: string | undefined;
  readonly password: string | undefined;
};

export type Endpoint =
  | { readonly kind: 'tcp' | 'tls'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const DEFAULT_PORT = 6379;
const BAD_PORT = 'the port is out of range: give 1 to 65535';
/** Stands in for the host that a URL with credentials cannot be without. */
const NO_HOST = 'unix.invalid';

/**
 * An endpoint as it is, or a URL of one: see `parseAddress`.
 *
 * @throws {ReplicaError} `INVALID_OPTION`
 */
export function addressOf(url: string | URL | Endpoint): Address {
  const isEndpoint = typeof url === 'object' && 'kind' in url;
  if (!isEndpoint) return parseAddress(url);
  if (url.kind !== 'unix' && !isPort(url.port)) throw invalid(BAD_PORT);
  return { username: undefined, password: undefined, ...url };
}

/**
 * Reads `redis://`, `rediss://` and `unix://` URLs, `[user][:password]@` in each; no query, no fragment.
 *
 * @throws {ReplicaError} `INVALID_OPTION`; the message holds no part of the URL, for it may hold a password
 */
export function parseAddress(url: string | URL): Address {
  const parsed = parseUrl(url);
  const { protocol, hostname, port, pathname } = parsed;
  const credentials = {
    username: decoded(parsed.username),
    password: decoded(parsed.password),
  };
  if (protocol === 'unix:') {
    const isPath = hostname === '' || hostname === NO_HOST;
    if (!isPath || pathname === '' || pathname === '/') {
      throw invalid('a unix:// URL needs a path that begins with /, as in unix:///run/redis.sock');
    }
    return { kind: 'unix', path: decoded(pathname)!, ...credentials };
  }
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw invalid('a URL begins with redis://, rediss:// or unix://');
  }
  if (hostname === '') throw invalid(`a ${protocol}// URL needs a host`);
  if (pathname !== '' && pathname !== '/') {
    throw invalid('a replica gets every database: no /path is behind the host, as clients have it');
  }
  return {
    kind: protocol === 'redis:' ? 'tcp' : 'tls',
    // The brackets of an IPv6 address belong to the URL.
    host: decoded(hostname.replace(/^\[(.*)\]$/, '$1'))!,
    port: port === '' ? DEFAULT_PORT : Number(port),
    ...credentials,
  };
}

/** The address as a person would say it, without credentials. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return endpoint.path;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

function parseUrl(url: string | URL): URL {
  const text = String(url);
  // A password with one of them would end there, and its beginning be taken for a host and a port.
  if (/[#?]/.test(text)) {
    throw invalid('a URL cannot contain # or ?: write %23 and %3F in a user name or password');
  }
  const [, port] = /:(\d+)\/?$/.exec(text) ?? [];
  if (port !== undefined && !isPort(Number(port))) throw invalid(BAD_PORT);
  try {
    return new URL(text.replace(/^(unix:\/\/[^/]*@)\//, `$1${NO_HOST}/`));
  } catch {
    throw unreadable();
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65535;
}

function decoded(part: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part);
  } catch {
    throw unreadable();
  }
}

function unreadable(): ReplicaError {
  return invalid('the URL cannot be read: special characters in a password are written %XX');
}

function invalid(message: string): ReplicaError {
  return new ReplicaError('INVALID_OPTION', message);
}
