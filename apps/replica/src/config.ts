import { readFileSync } from 'node:fs';
import type { SyncPolicy } from '@forebay/log';
import type { Address, Endpoint, TlsOptions } from '@forebay/replica';
import { checkTlsOptions, parseAddress, ReplicaError } from '@forebay/replica';
import { EXIT, ExitError } from './exit.ts';
import type { DiskLimit, Retain } from './quantities.ts';

/** Who we are to a primary, and how the link is secured, as it was typed. */
export interface ConnectionFlags {
  readonly masteruser?: string;
  readonly masterauth?: string;
  readonly tls?: boolean;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly sni?: string;
  readonly insecure?: boolean;
}

/** What `forebay replica` is told, by flags and by the environment, as it was typed. */
export interface ReplicaFlags extends ConnectionFlags {
  readonly replicaof?: readonly string[];
  readonly replicaofFile?: string;
  readonly dir: string;
  readonly port?: number;
  readonly bind: string;
  readonly requirepass?: string;
  readonly protectedMode: boolean;
  readonly replBacklogSize: number;
  readonly replicaAnnounceIp?: string;
  readonly appendfsync: SyncPolicy;
  readonly replTimeout: number;
  readonly autoAofRewritePercentage: number;
  readonly autoAofRewriteMinSize: number;
  readonly baseInterval: number;
  readonly retain: Retain;
  readonly maxDisk: DiskLimit;
}

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
  readonly announcedAddress: string | undefined;
  readonly fsync: SyncPolicy;
  /** Milliseconds. */
  readonly timeout: number;
  readonly base: BasePolicy;
  readonly retain: Retain;
  readonly maxDisk: DiskLimit;
}

/** @throws {ExitError} usage, or configuration where a file named cannot be used */
export function configOf(flags: ReplicaFlags, env: NodeJS.ProcessEnv): ReplicaConfig {
  const candidates = candidatesOf(flags, env);
  if (flags.dir === '') throw new ExitError(EXIT.usage, '--dir names no directory');
  return {
    candidates,
    tls: tlsOf(flags, candidates),
    directory: flags.dir,
    port: flags.port ?? DEFAULT_PORT,
    listen: listenOf(flags, env),
    announcedAddress: flags.replicaAnnounceIp,
    fsync: flags.appendfsync,
    timeout: flags.replTimeout * 1000,
    base: {
      percentage: flags.autoAofRewritePercentage,
      minSize: flags.autoAofRewriteMinSize,
      interval: flags.baseInterval,
    },
    retain: flags.retain,
    maxDisk: flags.maxDisk,
  };
}

/**
 * Whom to follow, by `--replicaof` and the file of `--replicaof-file` as it is now.
 *
 * @throws {ExitError} usage, or configuration where the file cannot be used
 */
export function candidatesOf(flags: ReplicaFlags, env: NodeJS.ProcessEnv): Candidates {
  const { replicaof = [], replicaofFile } = flags;
  const file = replicaofFile === undefined ? '' : readText('--replicaof-file', replicaofFile);
  const listed = file.replace(/#.*$/gm, '').split(/\s+/);
  const words = [...replicaof, ...listed].filter((word) => word !== '');
  const candidates: Candidate[] = [];
  while (words.length > 0) candidates.push(nextCandidate(words, flags, env));
  const [first, ...others] = candidates;
  if (first !== undefined) return [first, ...others];
  throw new ExitError(EXIT.usage, 'name the primary: --replicaof HOST PORT, or --replicaof-file');
}

/**
 * The one server that a URL names.
 *
 * @throws {ExitError} usage, or configuration where a file named cannot be used
 */
export function primaryOf(
  url: string,
  flags: ConnectionFlags,
  env: NodeJS.ProcessEnv,
): { candidate: Candidate; tls: TlsOptions } {
  if (!isUrl(url)) throw new ExitError(EXIT.usage, 'give a URL: redis://, rediss:// or unix://');
  const candidate = candidateAt(addressOf(url, flags.tls === true, 'the URL'), flags, env);
  return { candidate, tls: tlsOf(flags, [candidate]) };
}

/** Takes `HOST PORT`, or one URL, from the front. */
function nextCandidate(words: string[], flags: ReplicaFlags, env: NodeJS.ProcessEnv): Candidate {
  const [first = ''] = words;
  const isWhole = isUrl(first);
  const [, port] = words.splice(0, isWhole ? 1 : 2);
  const isPort = isWhole || /^\d+$/.test(port ?? '');
  if (!isPort) throw new ExitError(EXIT.usage, '--replicaof takes HOST PORT, or one URL');
  const host = first.includes(':') ? `[${first}]` : first;
  const url = isWhole ? first : `${flags.tls ? 'rediss' : 'redis'}://${host}:${port}`;
  return candidateAt(addressOf(url, flags.tls === true, '--replicaof'), flags, env);
}

function isUrl(word: string): boolean {
  return /^[a-z]+:\/\//.test(word);
}

function candidateAt(address: Address, flags: ConnectionFlags, env: NodeJS.ProcessEnv): Candidate {
  const password = flags.masterauth ?? address.password ?? secretOf(env, 'FOREBAY_MASTERAUTH');
  const username = flags.masteruser ?? address.username ?? (env.FOREBAY_MASTERUSER || undefined);
  if (username === undefined || password !== undefined) {
    return { endpoint: address, username, password };
  }
  throw new ExitError(
    EXIT.usage,
    '--masteruser needs a password: --masterauth, or FOREBAY_MASTERAUTH',
  );
}

function addressOf(url: string, secure: boolean, what: string): Address {
  try {
    const address = parseAddress(url);
    if (secure && address.kind === 'tcp') return { ...address, kind: 'tls' };
    return address;
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    throw new ExitError(EXIT.usage, `${what} cannot be used: ${error.message}`);
  }
}

function tlsOf(flags: ConnectionFlags, candidates: readonly Candidate[]): TlsOptions {
  const { cacert, cert, key, sni, insecure } = flags;
  const given = [cacert, cert, key, sni, insecure].some((flag) => flag !== undefined);
  if (given && !candidates.some(({ endpoint }) => endpoint.kind === 'tls')) {
    throw new ExitError(EXIT.usage, '--cacert, --cert, --key, --sni and --insecure need --tls');
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new ExitError(EXIT.usage, '--cert and --key go together');
  }
  const options: TlsOptions = {
    ...(cacert === undefined ? {} : { ca: readText('--cacert', cacert) }),
    ...(cert === undefined ? {} : { cert: readText('--cert', cert) }),
    ...(key === undefined ? {} : { key: readText('--key', key) }),
    ...(sni === undefined ? {} : { servername: sni }),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
  try {
    checkTlsOptions(options);
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    throw new ExitError(EXIT.configuration, error.message, error);
  }
  return options;
}

function listenOf(flags: ReplicaFlags, env: NodeJS.ProcessEnv): ListenConfig | undefined {
  const { port, bind: host, protectedMode, replBacklogSize: backlogSize } = flags;
  const requirepass = (flags.requirepass ?? secretOf(env, 'FOREBAY_REQUIREPASS')) || undefined;
  if (port !== undefined) return { host, port, requirepass, protectedMode, backlogSize };
  if (flags.requirepass === undefined) return undefined;
  throw new ExitError(EXIT.usage, '--requirepass needs --port: without it nobody is served');
}

/** An empty variable is as good as none. */
function secretOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const { [name]: secret, [`${name}_FILE`]: path } = env;
  if (secret) return secret;
  return path ? readText(`${name}_FILE`, path).replace(/\r?\n$/, '') : undefined;
}

function readText(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.configuration, `${what}: ${path} cannot be read: ${code}`, error);
  }
}
