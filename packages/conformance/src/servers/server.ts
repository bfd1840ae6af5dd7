import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { ConformanceError } from '../errors.ts';
import type { Certificates } from './certificates.ts';
import type { InstalledServer } from './installed.ts';
import { type Prepared, prepare, type ServerOptions } from './preparation.ts';
import { Printed } from './printed.ts';
import { spawnTied } from './processes.ts';

/** A word of a command: text is sent as UTF-8, bytes as they are. */
export type Word = string | Buffer | number;

/** How often a start is repeated on another port when the one asked for was taken meanwhile. */
const PORT_TRIES = 5;
/** How long a server may take to end by itself, in milliseconds, before it is killed. */
const STOP_BOUND = 3000;

/** A real server of this machine, listening on a free port of 127.0.0.1. */
export class Server implements AsyncDisposable {
  readonly installed: InstalledServer;
  readonly host = '127.0.0.1';
  readonly port: number;
  /** Its working directory (`dir`). */
  readonly directory: string;
  readonly tlsPort: number | undefined;
  readonly certificates: Certificates | undefined;
  readonly socketPath: string | undefined;
  readonly #prepared: Prepared;
  readonly #child: ChildProcess;
  readonly #printed: Printed;
  readonly #exited: Promise<void>;
  readonly #clients = new Set<Redis>();
  #client: Redis | undefined;

  private constructor(prepared: Prepared, child: ChildProcess, printed: Printed) {
    this.#prepared = prepared;
    this.installed = prepared.installed;
    this.port = prepared.port;
    this.directory = prepared.directory;
    this.tlsPort = prepared.tlsPort;
    this.certificates = prepared.certificates;
    this.socketPath = prepared.socketPath;
    this.#child = child;
    this.#printed = printed;
    this.#exited = new Promise((resolve) => child.once('close', () => resolve()));
  }

  /**
   * Starts a server: no persistence, no protected mode, DEBUG allowed, full syncs without delay.
   *
   * @throws {ConformanceError} `SERVER_EXITED` with its log, `TIMED_OUT`, `NO_CERTIFICATES`
   */
  static async start(installed: InstalledServer, options: ServerOptions = {}): Promise<Server> {
    for (let attempt = 1; ; attempt++) {
      const prepared = await prepare(installed, options);
      const command = [...installed.server, join(prepared.home, 'server.conf')];
      const child = spawnTied(command, prepared.directory, prepared.home);
      const printed = new Printed();
      const server = new Server(prepared, child, printed);
      child.stdout?.setEncoding('utf8').on('data', (text: string) => printed.add(text));
      child.stderr?.setEncoding('utf8').on('data', (text: string) => printed.add(text));
      child.once('error', (error) => printed.add(`${error.message}\n`));
      try {
        await server.#ready(options);
        return server;
      } catch (error) {
        await server.#end('SIGKILL');
        await prepared.removeHome();
        const taken = /Address already in use/.test(printed.text);
        if (!taken || attempt === PORT_TRIES || options.config?.port !== undefined) throw error;
      }
    }
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether the process is still there. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** A client that connects at its first command; closed by `stop`. */
  get client(): Redis {
    this.#client ??= this.newClient();
    return this.#client;
  }

  /** A further client (RESP2, one connection), closed by `stop` too. */
  newClient(options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
    const password = this.#prepared.password;
    const client = new Redis({
      host: this.host,
      port: this.port,
      family: 4,
      protocol: 2,
      lazyConnect: true,
      disableClientInfo: true,
      enableReadyCheck: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 3,
      retryStrategy: (times: number) => (this.running ? Math.min(20 * times, 200) : null),
      ...(password === undefined ? {} : { password }),
      ...options,
    });
    // A server that is killed is part of many tests; who awaits a command hears of it there.
    client.on('error', () => {});
    this.#clients.add(client);
    return client;
  }

  /** Sends one command; bulk strings of the reply are text. Rejects with the server's own error. */
  command(name: string, ...words: Word[]): Promise<unknown> {
    return this.client.call(name, words);
  }

  /** Sends one command; bulk strings of the reply are bytes. */
  commandBuffer(name: string, ...words: Word[]): Promise<unknown> {
    return this.client.callBuffer(name, words);
  }

  /** Fields of INFO, by name. */
  async info(section = 'everything'): Promise<Record<string, string>> {
    const fields: Record<string, string> = {};
    for (const line of String(await this.command('INFO', section)).split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1);
    }
    return fields;
  }

  /** What it printed so far: standard output and standard error. */
  log(): string {
    return this.#printed.text;
  }

  /**
   * Resolves with the first line of the log, printed already or from now on, that `pattern` is in.
   *
   * @throws {ConformanceError} `TIMED_OUT`
   */
  waitForLog(pattern: string | RegExp, timeoutMs = 10_000): Promise<string> {
    return this.#printed.waitFor(pattern, timeoutMs);
  }

  /** Ends it without saving, by force if it does not end itself; removes the directory it was given. */
  async stop(): Promise<void> {
    if (this.running) {
      this.thaw();
      // From 7.0 it would wait for replicas that lag behind, up to `shutdown-timeout`.
      const now = this.installed.absoluteTimes ? ['NOW'] : [];
      const asked = this.newClient({ maxRetriesPerRequest: 0, retryStrategy: () => null })
        .call('SHUTDOWN', ['NOSAVE', ...now])
        .catch(() => {});
      await this.#exitWithin(STOP_BOUND / 3, asked);
      if (this.running) this.#child.kill('SIGTERM');
      await this.#exitWithin(STOP_BOUND);
    }
    await this.kill();
  }

  /** Sends a signal, SIGKILL by default, and waits until the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#end(signal);
    await this.#prepared.removeHome();
    if (this.#prepared.removeDirectory) await rm(this.directory, { recursive: true, force: true });
  }

  /** Freezes the process (`SIGSTOP`): its sockets stay open and nothing answers. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Lets a frozen process go on (`SIGCONT`). */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #ready({ timeoutMs = 20_000, waitUntilLoaded = true }: ServerOptions): Promise<void> {
    const ready = waitUntilLoaded
      ? this.#printed.waitFor('Ready to accept connections', timeoutMs)
      : this.#listening(timeoutMs);
    const gone = this.#exited.then(() => {
      const message = `${this.installed.name} ended before it was ready`;
      throw new ConformanceError('SERVER_EXITED', message, { detail: this.log().slice(-4000) });
    });
    try {
      await Promise.race([ready, gone]);
    } finally {
      ready.catch(() => {});
      gone.catch(() => {});
    }
  }

  async #listening(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.running && performance.now() < until) {
      if (await accepts(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new ConformanceError('TIMED_OUT', `nothing listens on ${this.port}`, {
      detail: this.log(),
    });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.running && this.#child.pid !== undefined) {
      this.#child.kill(signal);
      await this.#exited;
    }
    for (const client of this.#clients) client.disconnect();
    this.#clients.clear();
    this.#client = undefined;
  }

  async #exitWithin(ms: number, also: Promise<unknown> = Promise.resolve()): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([bound, Promise.all([this.#exited, also])]);
    clearTimeout(timer);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
