import type { SyncPolicy } from '@forebay/log';
import type { Endpoint, TlsOptions } from '@forebay/replica';
import type { HttpAddress } from './config/forms.ts';
import { candidatesOf, tlsOf } from './config/primary.ts';
import type { Fault, Resolved } from './config/resolve.ts';
import { attempt, codeFor } from './config/resolve.ts';
import type { Values } from './config/settings.ts';
import { EXIT, ExitError } from './exit.ts';
import type { LoggingConfig } from './logging/process-reporter.ts';
import type { DiskLimit, Retain } from './quantities.ts';

/** A server that may be followed, and who we are to it. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export type Candidates = readonly [Candidate, ...Candidate[]];

/** When a fresh base is fetched. */
interface BasePolicy {
  /** Percent of the base that the stream after it has to reach; 0: never. */
  readonly percentage: number;
  /** Bytes that it has to reach. */
  readonly minSize: number;
  /** Milliseconds from one base to the next. */
  readonly interval: number;
}

/** Where replicas of our own are served, and whom. */
export interface ListenConfig {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly requirepass: string | undefined;
  readonly protectedMode: boolean;
  /** Bytes of the stream in memory, besides all that is on the disk. */
  readonly backlogSize: number;
}

/** Where metrics and the page are served. */
export interface HttpConfig extends HttpAddress {
  /** Whether somebody has named it: else it is done without where it is taken. */
  readonly asked: boolean;
  /** Seconds of lag up to which we are ready. */
  readonly maxLag: number;
}

/** What a primary is told where we do not listen: it names us in INFO and ROLE. */
const DEFAULT_PORT = 6380;

/** The same, read, checked and complete. */
export interface ReplicaConfig {
  readonly candidates: Candidates;
  readonly tls: TlsOptions;
  readonly directory: string;
  /** Announced as listening-port. */
  readonly port: number;
  /** Undefined: no replicas are served. */
  readonly listen: ListenConfig | undefined;
  /** Undefined: nowhere. */
  readonly http: HttpConfig | undefined;
  readonly announcedAddress: string | undefined;
  readonly fsync: SyncPolicy;
  /** Milliseconds. */
  readonly timeout: number;
  readonly base: BasePolicy;
  readonly retain: Retain;
  readonly maxDisk: DiskLimit;
  readonly logging: LoggingConfig;
}

/** What of it changes while it runs; the rest is as it was at the start. */
export type LiveConfig = Pick<ReplicaConfig, 'candidates' | 'tls' | 'base' | 'retain' | 'maxDisk'>;

/** Makes of settings what the daemon runs by. What they do not agree in joins `faults`. */
export function configOf(settings: Resolved, faults: Fault[]): ReplicaConfig | undefined {
  const { values } = settings;
  const candidates = attempt(faults, () => candidatesOf(settings));
  const tls = attempt(faults, () => tlsOf(settings, candidates ?? []));
  const directory = attempt(faults, () => directoryOf(settings));
  attempt(faults, () => checkListening(settings));
  if (candidates === undefined || tls === undefined || directory === undefined) return undefined;
  return {
    ...{ candidates, tls, directory },
    port: values.port ?? DEFAULT_PORT,
    listen: listenOf(values),
    http: httpOf(settings),
    announcedAddress: values['replica-announce-ip'],
    fsync: values.appendfsync,
    timeout: values['repl-timeout'] * 1000,
    base: {
      percentage: values['auto-aof-rewrite-percentage'],
      minSize: values['auto-aof-rewrite-min-size'],
      interval: values['base-interval'],
    },
    retain: values.retain,
    maxDisk: values['max-disk'],
    logging: { level: values.loglevel, format: values['log-format'] },
  };
}

function directoryOf({ values, given }: Resolved): string {
  const { dir } = values;
  if (dir !== undefined && dir !== '') return dir;
  if (dir === '') throw new ExitError(codeFor(given.get('dir')), '--dir names no directory');
  const advice = 'give it, or FOREBAY_DIR, or dir in the file of --config';
  throw new ExitError(EXIT.usage, `required option '--dir <dir>' not specified: ${advice}`);
}

function checkListening({ values, given }: Resolved): void {
  const password = given.get('requirepass');
  // A variable may be there for another.
  if (values.port !== undefined || password === undefined || password.kind === 'environment')
    return;
  throw new ExitError(
    codeFor(password),
    `${password.place} needs --port: without it nobody is served`,
  );
}

function listenOf(values: Values): ListenConfig | undefined {
  const { port, bind: host, requirepass } = values;
  if (port === undefined) return undefined;
  return {
    ...{ host, port, requirepass: requirepass || undefined },
    protectedMode: values['protected-mode'],
    backlogSize: values['repl-backlog-size'],
  };
}

function httpOf({ values, given }: Resolved): HttpConfig | undefined {
  const { http } = values;
  if (http === 'off') return undefined;
  const asked = given.get('http')?.kind !== 'default';
  return { ...http, asked, maxLag: values['ready-max-lag'] };
}
