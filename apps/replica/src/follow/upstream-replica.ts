import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@forebay/log';
import type { DecideUpstream, TlsOptions } from '@forebay/replica';
import { describeEndpoint, Replica } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';
import type { ReplicaConfig } from '../config.ts';
import type { FollowOptions } from '../follow-log/follow.ts';
import { follow } from '../follow-log/follow.ts';
import type { Reporter } from '../reporter.ts';
import type { LinkRecord } from '../status/link-record.ts';
import type { Keeper } from './disk/keeper.ts';
import type { SessionParts } from './session-parts.ts';
import { replicaOptions, targetOf, timeoutsOf } from './upstream/replica-options.ts';
import { acceptedBy } from './verified-snapshot.ts';

/** The replica that receives from the upstream into an open log, and applies changed settings while it runs. */
export class UpstreamReplica {
  readonly replica: Replica;
  readonly #log: Log;
  readonly #keeper: Keeper;
  readonly #reporter: Reporter;
  /** The record of the link. */
  readonly record: LinkRecord;
  readonly #ended = new AbortController();
  #upstream: Candidate;
  #tls: TlsOptions;
  #failure: unknown;

  constructor(parts: SessionParts, onUpstream: DecideUpstream) {
    const { log, keeper, upstreams, config, world, reporter, record } = parts;
    const { upstream } = upstreams.selector;
    this.#log = log;
    this.#keeper = keeper;
    this.#upstream = upstream;
    this.#tls = config().tls;
    this.#reporter = reporter;
    this.record = record;
    this.replica = new Replica({
      ...replicaOptions(upstream, config(), world),
      ...(log.found === undefined ? {} : { resume: log.found }),
      onUpstream,
    });
  }

  get upstream(): Candidate {
    return this.#upstream;
  }

  /** Whether the stream is received. */
  get streaming(): boolean {
    return this.replica.state === 'stream';
  }

  /** Aborted when `run` has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Follows the upstream until `stop` is aborted or it is detached; everything received is in the log then.
   *
   * @throws the error that `fail` was called with, or what `follow` throws
   */
  async run(stop: AbortSignal, options: FollowOptions): Promise<void> {
    const onStop = (): void => this.detach();
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    try {
      await follow(this.replica, this.#log, options);
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      stop.removeEventListener('abort', onStop);
      this.#ended.abort();
    }
  }

  /** Follows another server from now on, and continues there if it can. */
  retarget(upstream: Candidate): void {
    const primary = describeEndpoint(upstream.endpoint);
    this.#reporter.step(`following ${primary} from now on`, { event: 'following', primary });
    this.#upstream = upstream;
    this.reconnect();
  }

  /** Closes the link, and follows the same server over a new one. */
  reconnect(): void {
    this.replica.retarget({ ...targetOf(this.#upstream), tls: this.#tls });
  }

  /** Closes the link and reconnects (`CLIENT KILL`); false: there is no link. */
  cut(): boolean {
    if (!this.streaming) return false;
    const primary = describeEndpoint(this.#upstream.endpoint);
    this.#reporter.step(`link to ${primary} closed by CLIENT KILL, reconnecting`, {
      event: 'link-cut',
      primary,
    });
    this.reconnect();
    return true;
  }

  /** Applies the settings that can change while it runs; a link with other certificates is replaced. */
  adopt({
    tls,
    timeout,
    acceptUnverified,
  }: Pick<ReplicaConfig, 'tls' | 'timeout' | 'acceptUnverified'>): void {
    this.replica.setTimeouts(timeoutsOf(timeout));
    this.replica.setAcceptedSnapshots(acceptedBy(acceptUnverified));
    if (isDeepStrictEqual(tls, this.#tls)) return;
    this.#tls = tls;
    if (this.#upstream.endpoint.kind === 'tls') this.retarget(this.#upstream);
  }

  /** Detaches from the server; `run` resolves when everything received is in the log. */
  detach(): void {
    this.#keeper.endWaiting();
    void this.replica.detach();
  }

  /** Detaches, and `run` throws `error`. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.detach();
  }
}
