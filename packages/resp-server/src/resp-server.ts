import type { Clock, StopTimer } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import { Channels } from './clients/channels.ts';
import { Client } from './clients/client.ts';
import type { TrafficCounts } from './clients/clients.ts';
import { Clients } from './clients/clients.ts';
import { isSilent } from './clients/silence.ts';
import type { Identity } from './commands/access-commands.ts';
import { accessCommands } from './commands/access-commands.ts';
import { basicCommands } from './commands/basic-commands.ts';
import { channelCommands } from './commands/channel-commands.ts';
import { clientCommand } from './commands/client-command.ts';
import type { Command, Commands } from './commands/command.ts';
import { commandCommand } from './commands/command-command.ts';
import { CommandTable } from './commands/command-table.ts';
import { Dispatcher } from './commands/dispatcher.ts';
import { transactionCommands } from './commands/transaction-commands.ts';
import type { Connection } from './connection.ts';
import type { ListenOptions, SecureOptions } from './listeners.ts';
import { Listeners } from './listeners.ts';
import type { LiveOptions, RespServerOptions } from './options.ts';
import { Password } from './password.ts';

export interface RespServerCounts {
  /** Connected now, without upgraded clients. */
  readonly clients: number;
  /** The most clients at a time, upgraded ones included. */
  readonly most: number;
  /** Connections accepted since the start. */
  readonly connections: number;
  /** Connections refused since the start. */
  readonly refused: number;
  /** Commands executed or queued since the start. */
  readonly commands: number;
  /** Error replies since the start, by their code (`server.c: afterErrorReply`). */
  readonly errors: ReadonlyMap<string, number>;
}

const PROTECTED =
  'DENIED running in protected mode: no password is set, and connections come from this machine ' +
  'only. Set one (requirepass), or turn protected mode off.';
const FULL = 'ERR max number of clients reached';
const IDENTITY: Identity = { server: 'redis', version: '7.4.0' };
/** Milliseconds; see `LiveOptions`. */
const KEEP_ALIVE = 300_000;
const TIMEOUT = 60_000;
const MAX_CLIENTS = 10_000;
/** Bytes of incomplete requests of all clients together. */
const MAX_BUFFERED = 64 * 1024 * 1024;
/** Milliseconds between two looks for silent clients. */
const TICK = 1000;

/** A server that speaks RESP2 and RESP3 and executes its own and registered commands. */
export class RespServer implements AsyncDisposable {
  readonly channels: Channels = new Channels();
  readonly #clients = new Clients();
  readonly #table = new CommandTable();
  readonly #password = new Password();
  readonly #dispatcher: Dispatcher;
  readonly #listeners: Listeners;
  readonly #clock: Clock;
  #options: RespServerOptions;
  readonly #counts = { connections: 0, commands: 0, refused: 0 };
  readonly #errors = new Map<string, number>();
  #nextId = 1;
  /** Clients of `accept`. */
  #accepted = 0;
  #buffered = 0;
  #stopTicking: StopTimer | undefined;

  /** @throws {RespServerError} `DUPLICATE_COMMAND` */
  constructor(options: RespServerOptions = {}) {
    const { clock = systemClock, commands = [], identity = IDENTITY } = options;
    this.#options = options;
    this.#clock = clock;
    this.#password.set(options.requirepass);
    const { channels } = this;
    this.#table.register([
      ...basicCommands(() => options.notReady?.()),
      ...accessCommands({ password: this.#password, identity, channels }),
      ...transactionCommands(),
      ...channelCommands(channels),
      [
        'client',
        clientCommand({
          clients: this.#clients,
          now: () => clock.elapsed(),
          closeOthers: (type) => options.closeOthers?.(type) ?? 0,
        }),
      ],
      ['command', commandCommand(this.#table)],
    ]);
    this.#table.register(commands);
    this.#dispatcher = new Dispatcher({
      table: this.#table,
      refuse: (name) => options.refuse?.(name),
      onForeign: ({ address }) => options.onForeign?.(address),
    });
    this.#listeners = new Listeners({
      handshakeTimeout: () => this.#options.timeout ?? TIMEOUT,
      keepAlive: () => this.#options.keepAlive ?? KEEP_ALIVE,
      isFull: () => this.#isFull,
      onRefused: (connection) => this.#refuse(connection, FULL),
      onConnection: (connection) => void this.#admit(connection),
    });
  }

  /** All commands with their names. */
  get commands(): Iterable<readonly [name: string, command: Command]> {
    return this.#table;
  }

  get clients(): Iterable<Client> {
    return this.#clients;
  }

  /** The port of the first address. @throws {RespServerError} `MISUSE` before `listen` */
  get port(): number {
    return this.#listeners.port;
  }

  get counts(): RespServerCounts {
    const clients = this.#clients.size - this.#clients.upgraded;
    return { ...this.#counts, clients, most: this.#most, errors: new Map(this.#errors) };
  }

  /** Bytes from and to clients; summed up at each call, in time in proportion to the number of clients. */
  get traffic(): TrafficCounts {
    return this.#clients.traffic;
  }

  /** Adds commands. @throws {RespServerError} `DUPLICATE_COMMAND` */
  register(commands: Commands): void {
    this.#table.register(commands);
  }

  /**
   * Listens on one more address and returns its port.
   *
   * @throws {RespServerError} `NOT_LISTENING` if the system refuses the address; `MISUSE` for TLS without a
   *   certificate (`secure`)
   */
  async listen(options: ListenOptions = {}): Promise<number> {
    const port = await this.#listeners.listen(options);
    this.#startTicking();
    return port;
  }

  /** Serves an existing connection like one to a listening port. */
  accept(connection: Connection): void {
    this.#startTicking();
    if (this.#isFull) {
      this.#refuse(connection, FULL);
      return;
    }
    const client = this.#admit(connection);
    if (client === undefined) return;
    this.#accepted++;
    client.onClose(() => {
      this.#accepted--;
    });
  }

  /**
   * Sets the certificates of `listen({ tls: true })` for later connections. Throws the errors of
   * `tls.createSecureContext`.
   */
  secure(options: SecureOptions): void {
    this.#listeners.secure(options);
  }

  /** Changes options while it runs; connected clients stay. */
  configure(options: LiveOptions): void {
    this.#options = { ...this.#options, ...options };
    this.#password.set(this.#options.requirepass);
  }

  /** Stops listening and closes all connections. */
  async close(): Promise<void> {
    this.#stopTicking?.();
    const closed = this.#listeners.close();
    for (const client of this.#clients) client.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #most(): number {
    return this.#options.maxClients ?? MAX_CLIENTS;
  }

  get #isFull(): boolean {
    return this.#listeners.count + this.#accepted >= this.#most;
  }

  #admit(connection: Connection): Client | undefined {
    const { protectedMode = true } = this.#options;
    const { isRequired } = this.#password;
    if (!isRequired && protectedMode && !isLocal(connection.remoteHost)) {
      this.#refuse(connection, PROTECTED);
      return undefined;
    }
    this.#counts.connections++;
    const client = new Client(this.#nextId++, connection, !isRequired, {
      now: () => this.#clock.elapsed(),
      answer: (client, request) => this.#dispatcher.answer(client, request),
      countCommand: () => {
        this.#counts.commands++;
      },
      countError: (code) => {
        this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
      },
      countBuffered: (change) => {
        this.#buffered += change;
        if (this.#buffered > MAX_BUFFERED) this.#dropLargest();
      },
      onClose: (client) => {
        this.#clients.delete(client);
        this.channels.gone(client);
      },
      onFault: (error) => this.#options.onFault?.(error),
    });
    this.#clients.add(client);
    return client;
  }

  /** `connection` undefined: the peer cannot read a message yet. */
  #refuse(connection: Connection | undefined, reason: string): void {
    this.#counts.refused++;
    if (connection === undefined) return;
    // Its bytes are read and dropped: otherwise its end would not be seen.
    connection.resume();
    connection.write(Buffer.from(`-${reason}\r\n`));
    connection.end(() => connection.destroy());
  }

  /** Disconnects the client with the most bytes of incomplete requests first, as servers do (`maxmemory-clients`). */
  #dropLargest(): void {
    const all = [...this.#clients];
    all.reduce((one, other) => (other.buffered > one.buffered ? other : one)).destroy();
  }

  #startTicking(): void {
    this.#stopTicking ??= this.#clock.every(TICK, () => this.#dropSilent());
  }

  #dropSilent(): void {
    const { timeout = TIMEOUT, idleTimeout = 0 } = this.#options;
    const now = this.#clock.elapsed();
    for (const client of this.#clients) {
      if (isSilent(client, now, { timeout, idleTimeout })) client.destroy();
    }
  }
}

function isLocal(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
