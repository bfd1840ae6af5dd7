import { isDeepStrictEqual } from 'node:util';
import type { BaseTarget, Log, LogProgress } from '@forebay/log';
import type { ReplicationReport } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import type {
  ReplicaError,
  ReplicaItem,
  ReplicaOptions,
  Timeouts,
  TlsOptions,
  UpstreamDecision,
} from '@forebay/replica';
import { describeEndpoint, Replica } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';
import { readSecret } from '../config/named-files.ts';
import type { ReplicaConfig } from '../config.ts';
import { EXIT, ExitError } from '../exit.ts';
import { formatDuration } from '../output/duration.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { LinkRecord, LinkStatus } from '../status/link-record.ts';
import type { DataSetSize, HeldDataSet } from './data-set-size.ts';
import { isShrunk, shrunkMessage } from './data-set-size.ts';
import { acceptedBy, refusalOf, warnOf } from './verified-snapshot.ts';
import type { BaseFile, World } from './world.ts';

type Item<T extends ReplicaItem['type']> = Extract<ReplicaItem, { type: T }>;

/** A full copy on its way. */
interface Transfer {
  readonly target: BaseTarget;
  readonly file: BaseFile;
  readonly reason: string;
  readonly since: number;
}

/** What a session tells of itself; what is to be done about it is decided elsewhere. */
export interface SessionEvents {
  /** Where what becomes of the link is noted. */
  readonly link: LinkRecord;
  /** How to go on at a server, by what it says of itself. */
  decide(report: ReplicationReport | undefined): Promise<UpstreamDecision>;
  /** Whether a server that refuses our credentials is to end everything. */
  isDenialFinal(): boolean;
  /** A server serves us. */
  onLinked(): void;
  /** What is held is whole, and the stream comes in. */
  onStream(): void;
  /** A link was lost in this state; the next attempt starts by itself. */
  onAttemptEnded(error: ReplicaError, before: LinkStatus): void;
  /** The log has come further. */
  onProgress(): void;
  /** Whether that many bytes of the stream may be written; false: the bytes are dropped because the link ends. */
  admit(bytes: number): undefined | Promise<boolean>;
  /** A full resync has begun, of so many bytes where that is known. It rejects where there is no room. */
  admitTransfer(length: number | undefined): Promise<void>;
  /** No link follows, or another log: nothing is worth waiting for. */
  onEnding(): void;
  /** The log has taken these; they are of no use when this returns. */
  onStored(bytes: Uint8Array): void;
  /** Carries out what gives the log another id, another history, or another end. */
  change<T>(change: () => Promise<T>): Promise<T>;
}

/** Takes what a primary sends into an open log, until it is told to stop or the log takes no more. */
export class Session {
  readonly #log: Log;
  readonly #world: World;
  readonly #reporter: Reporter;
  readonly #events: SessionEvents;
  readonly #replica: Replica;
  readonly #directory: string;
  #upstream: Candidate;
  #tls: TlsOptions;
  #failure: unknown;
  /** A snapshot is being made the log's base: what the log tells meanwhile may be of the old one. */
  #replacing = false;
  /** Bytes of the stream were dropped: all later bytes are dropped too, and received again over the next link. */
  #dropping = false;
  #transfer: Transfer | undefined;
  /** Bytes of a full copy that there was no room for. */
  #needed = 0;
  /** Keys in the newest base; undefined where they were not counted, as after a start. */
  #keys: number | undefined;

  constructor(
    log: Log,
    upstream: Candidate,
    config: ReplicaConfig,
    world: World,
    reporter: Reporter,
    events: SessionEvents,
  ) {
    this.#log = log;
    this.#tls = config.tls;
    this.#upstream = upstream;
    this.#world = world;
    this.#reporter = reporter;
    this.#events = events;
    this.#directory = config.directory;
    this.#replica = new Replica({
      ...replicaOptions(upstream, config, world),
      ...(log.found === undefined ? {} : { resume: log.found }),
      onUpstream: (report) => events.decide(report),
    });
    this.#report();
  }

  /** Whom it follows. */
  get upstream(): Candidate {
    return this.#upstream;
  }

  /** Whether the stream comes in. */
  get streaming(): boolean {
    return this.#replica.state === 'stream';
  }

  /** Bytes that there has to be room for before it makes sense to go on. */
  get needed(): number {
    return this.#needed;
  }

  /** Follows another server from now on, and goes on there where it can. */
  retarget(upstream: Candidate): void {
    const primary = describeEndpoint(upstream.endpoint);
    this.#reporter.step(`following ${primary} from now on`, { event: 'following', primary });
    this.#upstream = upstream;
    this.#replica.retarget({ ...targetOf(upstream), tls: this.#tls });
  }

  /** Ends the link, and follows the same server over another one. */
  reconnect(): void {
    this.#replica.retarget({ ...targetOf(this.#upstream), tls: this.#tls });
  }

  /** Milliseconds of silence after which its links are given up. */
  setTimeout(timeout: number): void {
    this.#replica.setTimeouts(timeoutsOf(timeout));
  }

  /** Whether a snapshot is adopted that cannot be verified to its end and has no checksum. */
  acceptUnverified(accept: boolean): void {
    this.#replica.setAcceptedSnapshots(acceptedBy(accept));
  }

  /** So many keys are in the base that was added last. */
  counted(keys: number | undefined): void {
    this.#keys = keys;
  }

  /** Takes other certificates; a link that stands by the old ones is made anew. */
  secure(tls: TlsOptions): void {
    if (isDeepStrictEqual(tls, this.#tls)) return;
    this.#tls = tls;
    if (this.#upstream.endpoint.kind === 'tls') this.retarget(this.#upstream);
  }

  /** Closes the link and reconnects; false: there is no link. */
  cut(): boolean {
    if (!this.streaming) return false;
    const primary = this.#primary;
    this.#reporter.step(`link to ${primary} closed by CLIENT KILL, reconnecting`, {
      ...{ event: 'link-cut', primary },
    });
    this.#replica.retarget({ ...targetOf(this.#upstream), tls: this.#tls });
    return true;
  }

  /** What the log tells goes on to the primary, as acknowledgement. */
  progressed({ written, synced }: LogProgress): void {
    if (this.#replacing) return;
    this.#replica.progress({ written, synced });
    this.#events.onProgress();
  }

  /** Lets go of the server; `run` resolves when what was received is taken. */
  detach(): void {
    this.#events.onEnding();
    void this.#replica.detach();
  }

  /** Ends it, with an error that `run` throws. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.detach();
  }

  /** @throws what it was made to fail with, or what the log or the disk refused */
  async run(stop: AbortSignal): Promise<void> {
    const onStop = (): void => this.detach();
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    if (this.#log.found !== undefined) this.progressed(this.#log);
    try {
      for await (const item of this.#replica) {
        await this.#take(item);
        if (this.#dropping) break;
      }
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      stop.removeEventListener('abort', onStop);
      await this.#dropTransfer();
    }
  }

  get #primary(): string {
    return describeEndpoint(this.#upstream.endpoint);
  }

  async #take(item: ReplicaItem): Promise<void> {
    switch (item.type) {
      case 'stream':
        return this.#append(item);
      case 'snapshot':
        return this.#store(item);
      case 'full-resync':
        return this.#beginTransfer(item);
      case 'snapshot-end':
        return this.#adopt(item);
      case 'snapshot-aborted':
        await this.#dropTransfer();
        // Reported together with the time of the next attempt.
        if (item.error.verdict !== undefined) return;
        return this.#reporter.trouble('full copy cut short, what was held before stays', {
          event: 'full-copy-cut-short',
        });
      case 'continue':
        return this.#continue(item);
    }
  }

  async #append({ bytes, boundary }: Item<'stream'>): Promise<void> {
    const { written } = this.#log;
    this.#events.link.heard(bytes.length);
    const admitted = this.#events.admit(bytes.length);
    if (admitted !== undefined && !(await admitted)) this.#dropping = true;
    if (this.#dropping) return;
    try {
      await this.#log.append(bytes, boundary);
    } finally {
      // After a partial write, the written part is in the log: it is served to replicas.
      const taken = this.#log.written - written;
      if (taken > 0) this.#events.onStored(bytes.subarray(0, taken));
    }
  }

  async #beginTransfer({ length, cause, reason }: Item<'full-resync'>): Promise<void> {
    const size = length === undefined ? 'of a size not told' : formatBytes(length);
    const fields = { event: 'full-copy', primary: this.#primary, bytes: length, reason } as const;
    this.#reporter.step(`full copy, ${size} (${reason})`, fields);
    this.#events.link.copied(cause);
    this.#needed = length ?? 0;
    await this.#events.admitTransfer(length);
    this.#events.onLinked();
    const target = this.#log.awaitBase();
    const file = await this.#world.createBase(target.directory);
    this.#transfer = { target, file, reason, since: this.#world.clock.elapsed() };
  }

  #store({ bytes }: Item<'snapshot'>): undefined | Promise<void> {
    const { file } = this.#transfer!;
    this.#needed = Math.max(this.#needed, file.length + bytes.length);
    return file.write(bytes);
  }

  async #adopt({ history, offset, database, verdict }: Item<'snapshot-end'>): Promise<void> {
    const { target, file, reason, since } = this.#transfer!;
    this.#replacing = true;
    await file.commit(target.path);
    this.#transfer = undefined;
    const { length: size, crc } = file;
    const before = this.#held;
    const base = { target, size, crc, history, offset, database, reason };
    await this.#events.change(() => this.#log.beginHistory(base));
    this.#replacing = false;
    this.#needed = 0;
    this.progressed(this.#log);
    const seconds = ((this.#world.clock.elapsed() - since) / 1000).toFixed(1);
    const position = formatPosition({ id: history.id, offset: this.#log.written });
    this.#reporter.good(
      `full copy done, ${formatBytes(size)} in ${seconds} s; the stream goes on at ${position}`,
      { event: 'full-copy-done', position, bytes: size, seconds: Number(seconds) },
    );
    warnOf(verdict, this.#reporter);
    this.#keys = verdict?.keys;
    if (before !== undefined) this.#compare(before, { bytes: size, keys: verdict?.keys });
    this.#events.onStream();
  }

  /** The data set that a full resync would replace; undefined: none. */
  get #held(): HeldDataSet | undefined {
    const { history, base, written } = this.#log;
    if (history === undefined || base === undefined) return undefined;
    return {
      ...{ bytes: base.size, keys: this.#keys, streamed: written - base.offset },
      position: { id: history.id, offset: written },
    };
  }

  /** A primary that lost its data is still followed: log a warning. */
  #compare(before: HeldDataSet, after: DataSetSize): void {
    if (!isShrunk(before, after)) return;
    this.#reporter.trouble(shrunkMessage(before, after, this.#directory), {
      ...{ event: 'data-set-shrank', primary: this.#primary },
      ...{ from: formatPosition(before.position), bytes: after.bytes },
    });
  }

  async #dropTransfer(): Promise<void> {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    if (transfer === undefined) return;
    this.#log.abandonBase(transfer.target);
    await transfer.file.abort();
  }

  async #continue({ history, offset }: Item<'continue'>): Promise<void> {
    this.#events.onLinked();
    const before = this.#log.history;
    this.#events.link.continued(before?.id === history.id ? 'same-id' : 'new-id');
    if (before?.id !== history.id) {
      await this.#events.change(() => this.#log.setHistory(history));
    }
    const shifted = before?.id === history.id ? '' : `, under a new id in place of ${before?.id}`;
    const position = formatPosition({ id: history.id, offset });
    this.#reporter.good(`partial resync, the stream goes on at ${position}${shifted}`, {
      ...{ event: 'partial-resync', primary: this.#primary, position },
    });
    this.#events.onStream();
  }

  #report(): void {
    const replica = this.#replica;
    const reporter = this.#reporter;
    let awaited = false;
    const { link } = this.#events;
    link.began(replica);
    let before = link.status;
    replica.on('state', (state) => {
      before = link.status;
      link.entered(state);
      const primary = this.#primary;
      reporter.detail(`the link is in the state ${state}`, { event: 'link', state, primary });
      if (state !== 'handshake') return;
      reporter.step(`connected to ${primary}`, { event: 'connected', primary });
      awaited = false;
    });
    // Told every second, and said once.
    replica.on('snapshot-awaited', () => {
      const fields = { event: 'snapshot-awaited', primary: this.#primary } as const;
      if (!awaited) reporter.step('the primary makes the snapshot', fields);
      awaited = true;
    });
    replica.on('transfer', (progress) => {
      link.transferred(progress);
      if (this.#transfer !== undefined) reporter.transfer(progress, this.#transfer.since);
    });
    replica.on('option-refused', (option, reply) => {
      // Only Valkey 8.0 and later know it, and the others lack nothing by that.
      if (option === 'version') return;
      reporter.step(`the primary does not take REPLCONF ${option}: ${reply}`, {
        ...{ event: 'option-refused', primary: this.#primary, reason: reply },
      });
    });
    replica.on('attempt-ended', (error, delay) => this.#onAttemptEnded(error, delay, before));
  }

  #onAttemptEnded(error: ReplicaError, delay: number, before: LinkStatus): void {
    if (error.code === 'DENIED' && this.#events.isDenialFinal()) {
      this.fail(new ExitError(EXIT.denied, error.message, error));
      return;
    }
    const refusal = refusalOf(error);
    if (refusal !== undefined) this.#refused(refusal, delay);
    // Asked for, and said already.
    else if (error.code !== 'RETARGETED') {
      const when = delay === 0 ? 'at once' : `in ${formatDuration(delay / 1000)}`;
      const fields = { event: 'link-lost', primary: this.#primary, retryMs: delay } as const;
      const { message, code } = error;
      this.#reporter.trouble(`${message}; trying again ${when}`, { ...fields, code });
    }
    this.#events.link.attemptEnded(error.code);
    this.#events.onAttemptEnded(error, before);
  }

  #refused(refusal: string, delay: number): void {
    const kept = this.#log.history === undefined ? '' : '; the log is unchanged';
    const when = formatDuration(delay / 1000);
    this.#reporter.trouble(`${refusal}${kept}; next attempt in ${when}`, {
      ...{ event: 'snapshot-refused', primary: this.#primary, reason: refusal, retryMs: delay },
    });
  }
}

/** What a replica is told to follow a server as the configuration says. */
export function replicaOptions(
  upstream: Candidate,
  config: ReplicaConfig,
  { clock, network }: World,
): ReplicaOptions {
  const { tls, announcedPort, announcedAddress, announcedVersion: version, timeout } = config;
  return {
    ...network,
    clock,
    ...targetOf(upstream),
    tls,
    ...(announcedPort === undefined ? {} : { listeningPort: announcedPort }),
    version,
    acceptedSnapshots: acceptedBy(config.acceptUnverified),
    timeouts: timeoutsOf(timeout),
    ...(announcedAddress === undefined ? {} : { announcedAddress }),
  };
}

function timeoutsOf(timeout: number): Timeouts {
  return { connect: timeout, handshake: timeout, transfer: timeout, idle: timeout };
}

/** The server, and the credentials for it; the password is read when it is needed. */
export function targetOf({
  endpoint,
  username,
  password: known,
  passwordFile,
}: Candidate): Pick<ReplicaOptions, 'url' | 'username' | 'password'> {
  const password =
    passwordFile === undefined ? known : () => readSecret('FOREBAY_MASTERAUTH_FILE', passwordFile);
  return {
    url: endpoint,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}
