import type { Client } from './client.ts';

/** Bytes since the beginning, in the sense of `server.h: stat_net_*`. */
export interface TrafficCounts {
  /** From clients, replicas among them. */
  readonly input: number;
  /** To clients that are no replicas. */
  readonly output: number;
  /** To replicas: copies and the stream. */
  readonly replicaOutput: number;
}

/**
 * What came from clients and went to them. Sockets count for themselves: they are added up when somebody
 * asks, and nothing is done for a byte that passes.
 */
export class Traffic {
  readonly #clients: ReadonlyMap<number, Client>;
  #gone: TrafficCounts = { input: 0, output: 0, replicaOutput: 0 };

  constructor(clients: ReadonlyMap<number, Client>) {
    this.#clients = clients;
  }

  get counts(): TrafficCounts {
    let all = this.#gone;
    for (const client of this.#clients.values()) all = plus(all, client);
    return all;
  }

  /** A client is among those that are no longer there. */
  gone(client: Client): void {
    this.#gone = plus(this.#gone, client);
  }
}

function plus(
  { input, output, replicaOutput }: TrafficCounts,
  { connection: { bytesRead, bytesWritten }, attachment }: Client,
): TrafficCounts {
  const isReplica = attachment !== undefined;
  return {
    input: input + bytesRead,
    output: output + (isReplica ? 0 : bytesWritten),
    replicaOutput: replicaOutput + (isReplica ? bytesWritten : 0),
  };
}
