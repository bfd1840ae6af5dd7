import { readFileSync } from 'node:fs';
import type { SyncPolicy } from '@forebay/log';
import type { Endpoint, TlsOptions } from '@forebay/replica';
import { checkTlsOptions, parseAddress, ReplicaError } from '@forebay/replica';
import { EXIT, ExitError } from './exit.ts';

/** What `forebay replica` is told, by flags and by the environment, as it was typed. */
export interface ReplicaFlags {
  readonly replicaof: readonly string[];
  readonly dir: string;
  readonly masteruser?: string;
  readonly masterauth?: string;
  readonly tls?: boolean;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly sni?: string;
  readonly insecure?: boolean;
  readonly port: number;
  readonly replicaAnnounceIp?: string;
  readonly appendfsync: SyncPolicy;
  readonly replTimeout: number;
}

/** The same, read, checked and complete. */
export interface ReplicaConfig {
  readonly endpoint: Endpoint;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsOptions;
  readonly directory: string;
  /** Announced as listening-port. */
  readonly port: number;
  readonly announcedAddress: string | undefined;
  readonly fsync: SyncPolicy;
  /** Milliseconds. */
  readonly timeout: number;
}

/** @throws {ExitError} usage, or configuration where a file named cannot be used */
export function configOf(flags: ReplicaFlags, env: NodeJS.ProcessEnv): ReplicaConfig {
  const address = primaryOf(flags);
  const password = flags.masterauth ?? address.password ?? secretOf(env);
  const username = flags.masteruser ?? address.username ?? (env.FOREBAY_MASTERUSER || undefined);
  if (flags.dir === '') throw new ExitError(EXIT.usage, '--dir names no directory');
  if (username !== undefined && password === undefined) {
    throw new ExitError(
      EXIT.usage,
      '--masteruser needs a password: --masterauth, or FOREBAY_MASTERAUTH',
    );
  }
  return {
    endpoint: address,
    username,
    password,
    tls: tlsOf(flags, address),
    directory: flags.dir,
    port: flags.port,
    announcedAddress: flags.replicaAnnounceIp,
    fsync: flags.appendfsync,
    timeout: flags.replTimeout * 1000,
  };
}

function primaryOf({ replicaof, tls }: ReplicaFlags): ReturnType<typeof parseAddress> {
  const [first = '', port, ...more] = replicaof;
  const isUrl = /^[a-z]+:\/\//.test(first);
  if (more.length > 0 || isUrl !== (port === undefined)) {
    throw new ExitError(EXIT.usage, '--replicaof takes HOST PORT, or one URL');
  }
  const host = first.includes(':') ? `[${first}]` : first;
  const url = isUrl ? first : `${tls ? 'rediss' : 'redis'}://${host}:${port}`;
  try {
    const address = parseAddress(url);
    if (tls && address.kind === 'tcp') return { ...address, kind: 'tls' };
    return address;
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    throw new ExitError(EXIT.usage, `--replicaof cannot be used: ${error.message}`);
  }
}

function tlsOf(flags: ReplicaFlags, { kind }: Endpoint): TlsOptions {
  const { cacert, cert, key, sni, insecure } = flags;
  const given = [cacert, cert, key, sni, insecure].some((flag) => flag !== undefined);
  if (given && kind !== 'tls') {
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

/** An empty variable is as good as none. */
function secretOf(env: NodeJS.ProcessEnv): string | undefined {
  const { FOREBAY_MASTERAUTH: secret, FOREBAY_MASTERAUTH_FILE: path } = env;
  if (secret) return secret;
  return path ? readText('FOREBAY_MASTERAUTH_FILE', path).replace(/\r?\n$/, '') : undefined;
}

function readText(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.configuration, `${what}: ${path} cannot be read: ${code}`, error);
  }
}
