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
    reporter.step(`replicas are served at ${address}:${server.port}`);
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
  const named = ({ host, port }: ReplicaDescription) => `replica ${host}:${port}`;
  return {
    onPartialResync: (replica: ReplicaDescription, offset: number) =>
      reporter.good(`${named(replica)} goes on at ${offset}`),
    onFullResync: (replica: ReplicaDescription, reason: string) =>
      reporter.step(`${named(replica)} gets a full copy: ${reason}`),
    onGone: (replica: ReplicaDescription, reason: string | undefined) =>
      reporter.trouble(`${named(replica)} is gone${reason === undefined ? '' : `: ${reason}`}`),
    onFault: (error: unknown) =>
      reporter.trouble(`a client was let go: ${error instanceof Error ? error.message : error}`),
  };
}
