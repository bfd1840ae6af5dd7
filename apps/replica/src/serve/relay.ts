import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@forebay/log';
import type {
  DelayedResync,
  ReplicaDescription,
  ServerCounts,
  TrafficCounts,
} from '@forebay/primary';
import { ReplicationServer } from '@forebay/primary';
import { describeEndpoint } from '@forebay/replica';
import type { Commands, LiveOptions, SecureOptions } from '@forebay/resp-server';
import { RespServerError } from '@forebay/resp-server';
import type { SettingsChange, SettingsSubscriber } from '../config/configuration.ts';
import { checkPem } from '../config/pem.ts';
import type { ListenConfig, ReplicaConfig } from '../config.ts';
import { EXIT, ExitError } from '../exit.ts';
import type { World } from '../follow/world.ts';
import { notReady, refusal } from '../port/commands.ts';
import { identityOf } from '../port/identity.ts';
import type { Reporter } from '../reporter.ts';
import type { Status } from '../status/status.ts';
import type { Place } from './announced-port.ts';
import type { FollowingSide } from './following-side.ts';
import { LogSource } from './log-source.ts';
import { unloadedReason } from './unloaded.ts';

/** Serves replicas of our own: the stream verbatim, under the ids and offsets that it has above. */
export class Relay implements SettingsSubscriber {
  readonly #source: LogSource;
  readonly #server: ReplicationServer;
  #listen: ListenConfig;
  readonly #reporter: Reporter;
  #secure: SecureOptions | undefined;
  readonly #places: Place[] = [];

  private constructor(
    source: LogSource,
    server: ReplicationServer,
    listen: ListenConfig,
    reporter: Reporter,
  ) {
    this.#source = source;
    this.#server = server;
    this.#listen = listen;
    this.#reporter = reporter;
  }

  /** @throws {ExitError} where an address cannot be listened on */
  static async listen(
    listen: ListenConfig,
    timeout: number,
    following: FollowingSide,
    status: () => Status,
    world: Pick<World, 'clock' | 'listen' | 'random'>,
    reporter: Reporter,
    commands: Commands,
  ): Promise<Relay> {
    const source = new LogSource(following, world.clock);
    const { backlogSize } = listen;
    const server = new ReplicationServer(source, {
      ...liveOptions(listen, timeout),
      backlogSize,
      events: eventsTo(reporter),
      commands,
      refuse: refusal,
      identity: identityOf(() => following.primary),
      notReady: () => notReady(status()),
      cutUpstream: () => following.cutLink(),
      clock: world.clock,
      random: world.random,
    });
    const relay = new Relay(source, server, listen, reporter);
    try {
      if (world.listen === undefined) await relay.#listenOnAll();
      else relay.#acceptFrom(world.listen);
    } catch (error) {
      await relay.close();
      throw error;
    }
    return relay;
  }

  check({ listen }: ReplicaConfig): void {
    if (listen?.secure !== undefined) checkPem(listen.secure);
  }

  /** Takes what can change while it serves; who has been let in stays in. */
  adopt({ config: { listen, timeout } }: SettingsChange): void {
    if (listen === undefined) return;
    this.#server.configure(liveOptions(listen, timeout));
    if (listen.maxClients !== this.#listen.maxClients) this.#tellLimit(listen.maxClients);
    this.#listen = listen;
    const { secure } = listen;
    if (secure === undefined || isDeepStrictEqual(secure, this.#secure)) return;
    this.#server.secure(secure);
    if (this.#secure !== undefined) {
      this.#reporter.good('who comes by TLS from now on finds other certificates', {
        event: 'certificates',
      });
    }
    this.#secure = secure;
  }

  /** Where replicas are served. */
  get places(): readonly Place[] {
    return this.#places;
  }

  get port(): number {
    return this.#places[0]?.port ?? 0;
  }

  get replicas(): readonly ReplicaDescription[] {
    return this.#server.replicas;
  }

  get counts(): ServerCounts {
    return this.#server.counts;
  }

  get traffic(): TrafficCounts {
    return this.#server.traffic;
  }

  /** Serves this log from now on, or none: who is attached has to ask anew. */
  serve(log: Log | undefined): void {
    this.#source.serve(log);
    this.#server.restart();
  }

  /** What `Log.append` has taken, as it came. */
  propagate(bytes: Uint8Array): void {
    if (this.#source.serving) this.#server.propagate(bytes);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #tellLimit(asked: number): void {
    const { most } = this.#server.counts;
    if (most === asked) return;
    this.#reporter.trouble(
      `maxclients is ${most} and not ${asked}: the system lets us open no more files (ulimit -n)`,
    );
  }

  #acceptFrom(listenTo: NonNullable<World['listen']>): void {
    const { port } = this.#listen;
    if (port !== 'any') this.#places.push({ host: '127.0.0.1', port });
    listenTo((connection) => this.#server.accept(connection));
  }

  async #listenOnAll(): Promise<void> {
    this.#tellLimit(this.#listen.maxClients);
    const { hosts, port, tlsPort, secure } = this.#listen;
    if (secure !== undefined) this.#server.secure(secure);
    this.#secure = secure;
    if (port !== 0) await this.#listenAt(hosts, port, false);
    if (tlsPort !== 0) await this.#listenAt(hosts, tlsPort, true);
  }

  /** The same port at every address; which it is, where any will do, is found at the first. */
  async #listenAt(hosts: readonly string[], asked: number | 'any', tls: boolean): Promise<void> {
    let port = asked === 'any' ? 0 : asked;
    const flag = tls ? '--tls-port' : '--port';
    let count = 0;
    for (const spelt of hosts) {
      const host = addressOf(spelt);
      try {
        port = await this.#server.listen({ host, port, tls });
        this.#places.push({ host, port });
        count++;
        const how = tls ? ' by TLS' : '';
        const address = describeEndpoint({ kind: 'tcp', host, port });
        this.#reporter.step(`replicas are served at ${address}${how}`, {
          event: 'listening',
          address,
        });
      } catch (error) {
        if (!(error instanceof RespServerError)) throw error;
        const { code } = error.cause as NodeJS.ErrnoException;
        if (spelt.startsWith('-') && ABSENT.has(code ?? '')) continue;
        throw new ExitError(EXIT.configuration, refusalAt(host, port, flag, error), error);
      }
    }
    if (count > 0) return;
    throw new ExitError(EXIT.configuration, `--bind names no address to listen on with ${flag}`);
  }
}

/** What an address that this machine does not have is refused with. */
const ABSENT = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

function refusalAt(host: string, port: number, flag: string, error: RespServerError): string {
  const { code } = error.cause as NodeJS.ErrnoException;
  if (code !== 'EADDRINUSE') return `${error.message} (${flag}, --bind)`;
  return `port ${port} of ${host} is taken: choose another with ${flag}, or ${flag} 0 for none`;
}

/** `config.c: bind`. */
function addressOf(spelt: string): string {
  const address = spelt.replace(/^-/, '');
  if (address === '*') return '0.0.0.0';
  return address === '::*' ? '::' : address;
}

/** Files that are ours besides the connections: the log's, and what the system needs. */
const OTHER_FILES = 64;

function liveOptions(listen: ListenConfig, timeout: number): LiveOptions {
  const { requirepass, protectedMode, maxClients: asked, idleTimeout, keepAlive } = listen;
  const maxClients = Math.min(asked, Math.max(1, openFilesLimit() - OTHER_FILES));
  return { timeout, requirepass, protectedMode, maxClients, idleTimeout, keepAlive };
}

/** How many files we may have open, as Linux tells it; elsewhere that is not looked at. */
function openFilesLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

function eventsTo(reporter: Reporter) {
  const named = ({ host, port }: ReplicaDescription) => `${host}:${port}`;
  return {
    onPartialResync: (description: ReplicaDescription, offset: number) => {
      const replica = named(description);
      const fields = { event: 'replica-continued', replica, offset } as const;
      reporter.good(`replica ${replica} goes on at ${offset}`, fields);
    },
    onFullResync: (description: ReplicaDescription, reason: string) => {
      const replica = named(description);
      const fields = { event: 'replica-full-copy', replica, reason } as const;
      reporter.step(`replica ${replica} gets a full copy: ${reason}`, fields);
    },
    onFullResyncDelayed: (description: ReplicaDescription, delayed: DelayedResync) => {
      const replica = named(description);
      const { failures: count, delay: retryMs, format } = delayed;
      const reason = unloadedReason(format, description.version);
      reporter.trouble(
        `replica ${replica} has not loaded ${count} full resyncs in a row; the next starts in ` +
          `${(retryMs / 1000).toFixed(1)} s: ${reason}`,
        { event: 'replica-not-loading', replica, count, retryMs, reason },
      );
    },
    onGone: (description: ReplicaDescription, reason: string | undefined) => {
      const replica = named(description);
      const why = reason === undefined ? '' : `: ${reason}`;
      reporter.trouble(`replica ${replica} is gone${why}`, {
        event: 'replica-gone',
        replica,
        reason,
      });
    },
    onForeign: (address: string) => {
      const reason = 'it speaks HTTP, and what a page sends is not to be taken for commands';
      reporter.trouble(`the client at ${address} was let go: ${reason}`, {
        event: 'client-let-go',
        reason,
      });
    },
    onFault: (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      reporter.trouble(`a client was let go: ${reason}`, { event: 'client-let-go', reason });
    },
  };
}
