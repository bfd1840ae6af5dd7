import type { Log } from '@forebay/log';
import type { CommandTable, ReplicaDescription, ServerCounts } from '@forebay/primary';
import { PrimaryError, ReplicationServer } from '@forebay/primary';
import type { ListenConfig } from '../config.ts';
import { EXIT, ExitError } from '../exit.ts';
import { refusal } from '../port/commands.ts';
import { SPOKEN_VERSION } from '../port/info.ts';
import type { Reporter } from '../reporter.ts';
import type { SourceHost } from './log-source.ts';
import { LogSource } from './log-source.ts';

/** Serves replicas of our own: the stream verbatim, under the ids and offsets that it has above. */
export class Relay {
  readonly #source: LogSource;
  readonly #server: ReplicationServer;

  private constructor(source: LogSource, server: ReplicationServer) {
    this.#source = source;
    this.#server = server;
  }

  /** @throws {ExitError} where the address cannot be listened on */
  static async listen(
    { host: address, port, requirepass, protectedMode, backlogSize }: ListenConfig,
    timeout: number,
    host: SourceHost,
    reporter: Reporter,
    commands: CommandTable,
  ): Promise<Relay> {
    const source = new LogSource(host);
    const server = new ReplicationServer(source, {
      ...{ timeout, protectedMode, backlogSize, events: eventsTo(reporter), commands },
      ...{ refuse: refusal, identity: { server: 'redis', version: SPOKEN_VERSION } },
      ...(requirepass === undefined ? {} : { requirepass }),
    });
    try {
      await server.listen({ host: address, port });
    } catch (error) {
      if (!(error instanceof PrimaryError)) throw error;
      throw new ExitError(EXIT.configuration, error.message, error);
    }
    const place = `${address}:${server.port}`;
    reporter.step(`replicas are served at ${place}`, { event: 'listening', address: place });
    return new Relay(source, server);
  }

  get port(): number {
    return this.#server.port;
  }

  get replicas(): readonly ReplicaDescription[] {
    return this.#server.replicas;
  }

  get counts(): ServerCounts {
    return this.#server.counts;
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
    onGone: (description: ReplicaDescription, reason: string | undefined) => {
      const replica = named(description);
      const why = reason === undefined ? '' : `: ${reason}`;
      reporter.trouble(`replica ${replica} is gone${why}`, {
        ...{ event: 'replica-gone', replica, reason },
      });
    },
    onFault: (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      reporter.trouble(`a client was let go: ${reason}`, { event: 'client-let-go', reason });
    },
  };
}
