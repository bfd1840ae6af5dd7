import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import type { InstalledServer } from './installed.ts';
import { freePort } from './ports.ts';

/** How a server is started. */
export interface ServerOptions {
  /** Its working directory, kept at `stop`. Default: a fresh one that `stop` removes. */
  readonly directory?: string;
  /** Remove `directory` too, at `stop` and `kill`. */
  readonly removeDirectory?: boolean;
  /**
   * Directives of its configuration file, over the defaults: name to value as the file would have it
   * (so a value of several words is one string). An array is a directive given several times.
   */
  readonly config?: Readonly<Record<string, string | number | readonly string[]>>;
  /** Also listen for TLS on a second port. `true` makes test certificates. */
  readonly tls?: boolean | Certificates;
  /** Also listen on a unix socket. */
  readonly unixSocket?: boolean;
  /** Resolve when the data set is loaded (the default), or as soon as it listens. */
  readonly waitUntilLoaded?: boolean;
  /** How long it may take to be ready, in milliseconds. Default 20,000. */
  readonly timeoutMs?: number;
}

/** All that is decided before the process is there. */
export interface Prepared {
  readonly installed: InstalledServer;
  readonly port: number;
  /** Ours, for what is not data: the configuration, certificates, the socket. */
  readonly home: string;
  readonly directory: string;
  readonly tlsPort: number | undefined;
  readonly certificates: Certificates | undefined;
  readonly socketPath: string | undefined;
  readonly password: string | undefined;
  readonly removeDirectory: boolean;
  removeHome(): Promise<void>;
}

/** Makes the folders, certificates and configuration that a server is started with. */
export async function prepare(
  installed: InstalledServer,
  options: ServerOptions,
): Promise<Prepared> {
  const home = await mkdtemp(join(tmpdir(), `forebay-${installed.name}-`));
  const removeHome = (): Promise<void> => rm(home, { recursive: true, force: true });
  try {
    const directory = options.directory ?? join(home, 'data');
    await mkdir(directory, { recursive: true });
    const { config = {}, tls = false } = options;
    const port = config.port === undefined ? await freePort() : Number(config.port);
    const certificates = tls === true ? await makeCertificates(home) : tls || undefined;
    const tlsPort = certificates === undefined ? undefined : await freePort();
    const socketPath = options.unixSocket === true ? join(home, 'socket') : undefined;
    const directives: Record<string, string | number | readonly string[]> = {
      ...defaults(installed),
      ...(certificates === undefined ? {} : tlsDirectives(certificates, tlsPort ?? 0)),
      ...(socketPath === undefined ? {} : { unixsocket: socketPath }),
      ...config,
      dir: JSON.stringify(directory),
      port,
    };
    await writeFile(join(home, 'server.conf'), configurationFile(directives));
    const password = typeof config.requirepass === 'string' ? config.requirepass : undefined;
    const { removeDirectory = false } = options;
    return {
      installed,
      port,
      home,
      directory,
      tlsPort,
      certificates,
      socketPath,
      password,
      removeDirectory,
      removeHome,
    };
  } catch (error) {
    await removeHome();
    throw error;
  }
}

function defaults(installed: InstalledServer): Record<string, string> {
  return {
    bind: '127.0.0.1',
    'protected-mode': 'no',
    daemonize: 'no',
    logfile: '""',
    save: '""',
    appendonly: 'no',
    'repl-diskless-sync-delay': '0',
    ...(installed.debugIsGuarded ? { 'enable-debug-command': 'yes' } : {}),
  };
}

function tlsDirectives(
  certificates: Certificates,
  tlsPort: number,
): Record<string, string | number> {
  return {
    'tls-port': tlsPort,
    'tls-ca-cert-file': JSON.stringify(certificates.ca),
    'tls-cert-file': JSON.stringify(certificates.serverCert),
    'tls-key-file': JSON.stringify(certificates.serverKey),
    'tls-auth-clients': 'optional',
  };
}

function configurationFile(
  directives: Readonly<Record<string, string | number | readonly string[]>>,
): string {
  const lines = Object.entries(directives).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) => `${name} ${one === '' ? '""' : one}\n`);
  });
  return lines.join('');
}
