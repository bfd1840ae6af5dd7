import type { Clock } from '@forebay/clock';

/** How long a replica waits for its next full resync that did not load the last ones. Milliseconds. */
export interface ResyncBackoffOptions {
  /** After two failures in a row, doubled by each further one; 1,000 by default. */
  readonly initialDelay?: number;
  /** 60,000 by default. */
  readonly maxDelay?: number;
}

/** Why a full resync has to wait, and how long. */
export interface DelayedResync {
  /** Full resyncs in a row that the replica did not load. */
  readonly failures: number;
  /** Milliseconds until the next. */
  readonly delay: number;
  /** What the snapshot began with that was sent last, such as `REDIS0011`; undefined: not one byte was. */
  readonly format: string | undefined;
}

/** One replica, as it is known over its connections. */
export interface ResyncPeer {
  readonly host: string;
  /** As announced; 0 where none was. */
  readonly port: number;
  /** As announced (`REPLCONF version`). */
  readonly version: string | undefined;
}

/** Full resyncs that one replica did not load, without one that it loaded in between. */
interface Failures {
  readonly count: number;
  /** When the next may begin. */
  readonly until: number;
  /** Another version may load what this one could not. */
  readonly version: string | undefined;
  /** What the snapshot began with that was sent last; undefined: not one byte was. */
  readonly format: string | undefined;
}

/** Replicas that are kept in mind; the one that failed least recently goes first. */
const MOST_PEERS = 1024;
/** Milliseconds after which a replica that did not return is forgotten. */
const FORGET_AFTER = 600_000;

/**
 * Delays full resyncs to replicas that do not load them. A server that cannot read the RDB reconnects at
 * once, for ever (`replication.c: replicationCron`, `cancelReplicationHandshake`). One failure costs no
 * delay: a connection may be lost.
 */
export class ResyncBackoff {
  readonly #clock: Clock;
  readonly #initialDelay: number;
  readonly #maxDelay: number;
  /** In the order in which they failed last. */
  readonly #peers = new Map<string, Failures>();

  constructor(clock: Clock, { initialDelay = 1000, maxDelay = 60_000 }: ResyncBackoffOptions) {
    this.#clock = clock;
    this.#initialDelay = initialDelay;
    this.#maxDelay = maxDelay;
  }

  failed(peer: ResyncPeer, format: string | undefined): void {
    const key = keyOf(peer);
    const { version } = peer;
    const count = (this.#known(peer)?.count ?? 0) + 1;
    const doubled = this.#initialDelay * 2 ** Math.min(count - 2, 30);
    const delay = count === 1 ? 0 : Math.min(this.#maxDelay, doubled);
    this.#peers.delete(key);
    this.#peers.set(key, { count, until: this.#clock.elapsed() + delay, version, format });
    if (this.#peers.size <= MOST_PEERS) return;
    const [oldest] = this.#peers.keys();
    this.#peers.delete(oldest!);
  }

  loaded(peer: ResyncPeer): void {
    this.#peers.delete(keyOf(peer));
  }

  /** What its next full resync has to wait for; undefined: nothing. */
  look(peer: ResyncPeer): DelayedResync | undefined {
    const known = this.#known(peer);
    const delay = (known?.until ?? 0) - this.#clock.elapsed();
    if (known === undefined || delay <= 0) return undefined;
    return { failures: known.count, delay, format: known.format };
  }

  #known(peer: ResyncPeer): Failures | undefined {
    const known = this.#peers.get(keyOf(peer));
    if (known === undefined || known.version !== peer.version) return undefined;
    return this.#clock.elapsed() - known.until > FORGET_AFTER ? undefined : known;
  }
}

function keyOf({ host, port }: ResyncPeer): string {
  return `${host} ${port}`;
}
