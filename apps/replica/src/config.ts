import type { SyncPolicy } from '@forebay/log';
import type { ListeningPort, TlsOptions } from '@forebay/replica';
import type { SecureOptions } from '@forebay/resp-server';
import type { Candidates } from './config/candidate.ts';
import type { HttpAddress } from './config/forms.ts';
import { candidatesOf, tlsOf } from './config/primary.ts';
import type { Fault, Resolved } from './config/resolve.ts';
import { attempt, codeFor } from './config/resolve.ts';
import { httpTlsOf, servedTlsOf } from './config/served-tls.ts';
import { EXIT, ExitError } from './exit.ts';
import { nameInHost } from './http/guard.ts';
import type { HttpServerOptions } from './http/server.ts';
import type { LoggingConfig } from './logging/process-reporter.ts';
import type { DiskLimit, Retain } from './quantities.ts';

/** When a fresh base is fetched. */
interface BasePolicy {
  /** Percent of the base that the stream after it has to reach; 0: never. */
  readonly percentage: number;
  /** Bytes that it has to reach. */
  readonly minSize: number;
  /** Milliseconds from one base to the next. */
  readonly interval: number;
}

/** Where replicas of our own are served, and clients, and whom. */
export interface ListenConfig {
  /** Addresses as servers spell them: `*`, `::*`, and after a `-` one that may be missing. */
  readonly hosts: readonly string[];
  /** 0: none. */
  readonly port: number | 'any';
  /** 0: none. */
  readonly tlsPort: number;
  /** Undefined: no port is secured. */
  readonly secure: SecureOptions | undefined;
  readonly requirepass: string | undefined;
  readonly protectedMode: boolean;
  readonly maxClients: number;
  /** Milliseconds; 0: for ever. */
  readonly idleTimeout: number;
  /** Milliseconds; 0: never. */
  readonly keepAlive: number;
  /** Bytes of the stream in memory, besides all that is on the disk. */
  readonly backlogSize: number;
}

/** Where metrics and the page are served. */
export interface HttpConfig extends HttpAddress, HttpServerOptions {
  /** Whether somebody has named it: else it is done without where it is taken. */
  readonly asked: boolean;
  /** Seconds of lag up to which we are ready. */
  readonly maxLag: number;
}

/** What Sentinels are told of us. */
interface SentinelConfig {
  /** 0: no Sentinel promotes us. */
  readonly priority: number;
  readonly announced: boolean;
}

/** The same, read, checked and complete. */
export interface ReplicaConfig {
  readonly candidates: Candidates;
  readonly tls: TlsOptions;
  readonly directory: string;
  /** Announced as listening-port; undefined: the port that is served at the address that the link leaves from. */
  readonly announcedPort: ListeningPort | undefined;
  /** Undefined: no replicas are served. */
  readonly listen: ListenConfig | undefined;
  /** Undefined: nowhere. */
  readonly http: HttpConfig | undefined;
  readonly announcedAddress: string | undefined;
  /** Announced to the primary (`REPLCONF version`). */
  readonly announcedVersion: string;
  readonly fsync: SyncPolicy;
  /** Milliseconds. */
  readonly timeout: number;
  /** Whether a snapshot is adopted that cannot be verified to its end and has no checksum. */
  readonly acceptUnverified: boolean;
  readonly base: BasePolicy;
  readonly retain: Retain;
  readonly maxDisk: DiskLimit;
  readonly logging: LoggingConfig;
  readonly sentinel: SentinelConfig;
}

/** Makes of settings what the daemon runs by. What they do not agree in joins `faults`. */
export function configOf(settings: Resolved, faults: Fault[]): ReplicaConfig | undefined {
  const { values } = settings;
  const candidates = attempt(faults, () => candidatesOf(settings));
  const tls = attempt(faults, () => tlsOf(settings, candidates ?? []));
  const directory = attempt(faults, () => directoryOf(settings));
  const listen = attempt(faults, () => listenOf(settings));
  const http = attempt(faults, () => httpOf(settings));
  if (candidates === undefined || tls === undefined || directory === undefined) return undefined;
  return {
    candidates,
    tls,
    directory,
    announcedPort: values['replica-announce-port'] || undefined,
    listen,
    http,
    announcedAddress: values['replica-announce-ip'],
    announcedVersion: values['announce-version'],
    fsync: values.appendfsync,
    timeout: values['repl-timeout'] * 1000,
    acceptUnverified: values['accept-unverified-rdb'],
    base: {
      percentage: values['auto-aof-rewrite-percentage'],
      minSize: values['auto-aof-rewrite-min-size'],
      interval: values['base-interval'],
    },
    retain: values.retain,
    maxDisk: values['max-disk'],
    logging: { level: values.loglevel, format: values['log-format'] },
    sentinel: { priority: values['replica-priority'], announced: values['replica-announced'] },
  };
}

function directoryOf({ values, given }: Resolved): string {
  const { dir } = values;
  if (dir !== undefined && dir !== '') return dir;
  if (dir === '') throw new ExitError(codeFor(given.get('dir')), '--dir names no directory');
  const advice = 'give it, or FOREBAY_DIR, or dir in the file of --config';
  throw new ExitError(EXIT.usage, `required option '--dir <dir>' not specified: ${advice}`);
}

/** Undefined: nobody is served. */
function listenOf(settings: Resolved): ListenConfig | undefined {
  const { values } = settings;
  const { port, 'tls-port': tlsPort, bind: hosts, requirepass } = values;
  if (port === 0 && tlsPort === 0) return nobody(settings);
  return {
    hosts,
    port,
    tlsPort,
    requirepass: requirepass || undefined,
    secure: tlsPort === 0 ? undefined : servedTlsOf(settings),
    protectedMode: values['protected-mode'],
    maxClients: values.maxclients,
    idleTimeout: values.timeout * 1000,
    keepAlive: values['tcp-keepalive'] * 1000,
    backlogSize: values['repl-backlog-size'],
  };
}

function httpOf(settings: Resolved): HttpConfig | undefined {
  const { values, given } = settings;
  const { http, 'http-allowed-hosts': hosts, 'http-password': password } = values;
  if (http === 'off') return undefined;
  const asked = given.get('http')?.kind !== 'default';
  return {
    ...http,
    asked,
    maxLag: values['ready-max-lag'],
    allowedHosts: hosts?.map(nameInHost),
    password: password || undefined,
    secure: httpTlsOf(settings),
  };
}

function nobody({ given }: Resolved): undefined {
  const password = given.get('requirepass');
  // A variable may be there for another.
  if (password === undefined || password.kind === 'environment') return undefined;
  throw new ExitError(
    codeFor(password),
    `${password.place} needs --port or --tls-port: without them nobody is served`,
  );
}
