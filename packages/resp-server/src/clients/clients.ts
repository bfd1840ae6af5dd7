import type { Client } from './client.ts';

/** Bytes since the start, as `server.h: stat_net_*`. */
export interface TrafficCounts {
  /** Received from clients. */
  readonly input: number;
  /** Sent to clients that are not upgraded. */
  readonly output: number;
  /** Sent to upgraded clients. */
  readonly upgradedOutput: number;
}

/** The connected clients. */
export class Clients implements Iterable<Client> {
  readonly #clients = new Set<Client>();
  #past: TrafficCounts = { input: 0, output: 0, upgradedOutput: 0 };

  get size(): number {
    return this.#clients.size;
  }

  /** Takes time in proportion to the number of clients. */
  get upgraded(): number {
    let count = 0;
    for (const { isUpgraded } of this) if (isUpgraded) count++;
    return count;
  }

  /** Summed up at each call, in time in proportion to the number of clients: each connection has its own counts. */
  get traffic(): TrafficCounts {
    let all = this.#past;
    for (const client of this) all = plus(all, client);
    return all;
  }

  add(client: Client): void {
    this.#clients.add(client);
  }

  delete(client: Client): void {
    if (this.#clients.delete(client)) this.#past = plus(this.#past, client);
  }

  [Symbol.iterator](): SetIterator<Client> {
    return this.#clients.values();
  }
}

function plus(
  { input, output, upgradedOutput }: TrafficCounts,
  { connection: { bytesRead, bytesWritten }, isUpgraded }: Client,
): TrafficCounts {
  return {
    input: input + bytesRead,
    output: output + (isUpgraded ? 0 : bytesWritten),
    upgradedOutput: upgradedOutput + (isUpgraded ? bytesWritten : 0),
  };
}
