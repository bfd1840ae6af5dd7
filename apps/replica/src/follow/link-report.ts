import type { Clock } from '@forebay/clock';
import type { Log } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import type { Replica, ReplicaError } from '@forebay/replica';
import { describeEndpoint } from '@forebay/replica';
import type { FollowOptions, ReplacedDataSet, Resynced } from '../follow-log/follow.ts';
import { linkMessageOf } from '../link-message.ts';
import { formatDuration } from '../output/duration.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { LinkPhase, LinkRecord } from '../status/link-record.ts';
import type { HeldDataSet } from './data-set-size.ts';
import { isShrunk, shrunkMessage } from './data-set-size.ts';
import type { UpstreamReplica } from './upstream-replica.ts';
import { refusalOf, warnOf } from './verified-snapshot.ts';

type Resync = Parameters<NonNullable<FollowOptions['onResync']>>[0];
type FullyResynced = Extract<Resynced, { type: 'full' }>;
type PartiallyResynced = Extract<Resynced, { type: 'partial' }>;

/** Reports events of the link of a replica: to the daemon's log, and to the record for the status. */
export class LinkReport {
  readonly #upstream: UpstreamReplica;
  readonly #log: Log;
  readonly #record: LinkRecord;
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  /** The link before its last change of state. */
  #before: LinkPhase;
  /** When the full resync began (`Clock.elapsed`). */
  #transferSince: number | undefined;
  /** Keys in the newest base; undefined where they were not counted, as after a start. */
  #keys: number | undefined;

  constructor(
    upstream: UpstreamReplica,
    log: Log,
    record: LinkRecord,
    reporter: Reporter,
    clock: Clock,
  ) {
    this.#upstream = upstream;
    this.#log = log;
    this.#record = record;
    this.#reporter = reporter;
    this.#clock = clock;
    record.began(upstream.replica);
    this.#before = record.phase;
    this.#listen(upstream.replica);
  }

  /** After an attempt has ended: the state of the link before it was lost, and how long it lasted. */
  get before(): LinkPhase {
    return this.#before;
  }

  /** A resync has begun; the log is as before. */
  resyncBegan(resync: Resync): void {
    if (resync.type === 'continue') {
      const isSameId = this.#log.history?.id === resync.history.id;
      this.#record.continued(isSameId ? 'same-id' : 'new-id');
      return;
    }
    const { length, cause, reason } = resync;
    const size = length === undefined ? 'of a size not told' : formatBytes(length);
    this.#reporter.step(`full copy, ${size} (${reason})`, {
      event: 'full-copy',
      primary: this.#primary,
      bytes: length,
      reason,
    });
    this.#record.copied(cause);
  }

  /** The snapshot of a full resync is received from now on. */
  transferBegan(): void {
    this.#transferSince = this.#clock.elapsed();
  }

  snapshotAborted({ verdict }: ReplicaError): void {
    this.#transferSince = undefined;
    // A refusal is reported together with the time of the next attempt.
    if (verdict !== undefined) return;
    this.#reporter.trouble('full copy cut short, what was held before stays', {
      event: 'full-copy-cut-short',
    });
  }

  resynced(resynced: Resynced): void {
    if (resynced.type === 'full') this.#fullyResynced(resynced);
    else this.#partiallyResynced(resynced);
  }

  /** The number of keys of a base that was fetched while the stream continued. */
  counted(keys: number | undefined): void {
    this.#keys = keys;
  }

  attemptEnded(error: ReplicaError, delay: number): void {
    const { code } = error;
    const refusal = refusalOf(error);
    if (refusal !== undefined) this.#refused(refusal, delay);
    // The upstream was changed on request, which has been reported.
    else if (code !== 'RETARGETED') {
      const when = delay === 0 ? 'at once' : `in ${formatDuration(delay / 1000)}`;
      this.#reporter.trouble(`${linkMessageOf(error)}; trying again ${when}`, {
        event: 'link-lost',
        primary: this.#primary,
        retryMs: delay,
        code,
      });
    }
    this.#record.attemptEnded(code);
  }

  get #primary(): string {
    return describeEndpoint(this.#upstream.upstream.endpoint);
  }

  #fullyResynced({ history, size, verdict, replaced }: FullyResynced): void {
    const since = this.#transferSince ?? this.#clock.elapsed();
    this.#transferSince = undefined;
    const seconds = ((this.#clock.elapsed() - since) / 1000).toFixed(1);
    const position = formatPosition({ id: history.id, offset: this.#log.written });
    this.#reporter.good(
      `full copy done, ${formatBytes(size)} in ${seconds} s; the stream goes on at ${position}`,
      { event: 'full-copy-done', position, bytes: size, seconds: Number(seconds) },
    );
    warnOf(verdict, this.#reporter);
    const before = replaced && { ...sizeOf(replaced), keys: this.#keys };
    this.#keys = verdict?.keys;
    if (before !== undefined) this.#compare(before, size);
  }

  /** A primary that lost its data is still followed: log a warning. */
  #compare(before: HeldDataSet, bytes: number): void {
    const after = { bytes, keys: this.#keys };
    if (!isShrunk(before, after)) return;
    this.#reporter.trouble(shrunkMessage(before, after, this.#log.directory), {
      event: 'data-set-shrank',
      primary: this.#primary,
      from: formatPosition(before.position),
      bytes,
    });
  }

  #partiallyResynced({ history, offset, previousId }: PartiallyResynced): void {
    const changed = previousId === history.id ? '' : `, under a new id in place of ${previousId}`;
    const position = formatPosition({ id: history.id, offset });
    this.#reporter.good(`partial resync, the stream goes on at ${position}${changed}`, {
      event: 'partial-resync',
      primary: this.#primary,
      position,
    });
  }

  #refused(refusal: string, delay: number): void {
    const kept = this.#log.history === undefined ? '' : '; the log is unchanged';
    const when = formatDuration(delay / 1000);
    this.#reporter.trouble(`${refusal}${kept}; next attempt in ${when}`, {
      event: 'snapshot-refused',
      primary: this.#primary,
      reason: refusal,
      retryMs: delay,
    });
  }

  #listen(replica: Replica): void {
    const record = this.#record;
    const reporter = this.#reporter;
    let isAwaited = false;
    replica.on('state', (state) => {
      this.#before = record.phase;
      record.entered(state);
      const primary = this.#primary;
      reporter.detail(`the link is in the state ${state}`, { event: 'link', state, primary });
      if (state !== 'handshake') return;
      reporter.step(`connected to ${primary}`, { event: 'connected', primary });
      isAwaited = false;
    });
    // Emitted every second, and logged once.
    replica.on('snapshot-awaited', () => {
      const fields = { event: 'snapshot-awaited', primary: this.#primary } as const;
      if (!isAwaited) reporter.step('the primary makes the snapshot', fields);
      isAwaited = true;
    });
    replica.on('transfer', (progress) => {
      record.transferred(progress);
      if (this.#transferSince !== undefined) reporter.transfer(progress, this.#transferSince);
    });
    replica.on('option-refused', (option, reply) => {
      // Only Valkey 8.0 and later know this option; other servers do not need it.
      if (option === 'version') return;
      reporter.step(`the primary does not take REPLCONF ${option}: ${reply}`, {
        event: 'option-refused',
        primary: this.#primary,
        reason: reply,
      });
    });
  }
}

function sizeOf({ history, offset, base }: ReplacedDataSet): Omit<HeldDataSet, 'keys'> {
  return {
    bytes: base.size,
    streamed: offset - base.offset,
    position: { id: history.id, offset },
  };
}
