import { join } from 'node:path';
import type { BaseTarget, LogError, LogProgress } from '@forebay/log';
import { Log } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import { RdbFile, removeStaleTemporaries } from '@forebay/rdb-receiver/node';
import type { ReplicaError, ReplicaItem, ReplicaOptions } from '@forebay/replica';
import { describeEndpoint, Replica } from '@forebay/replica';
import type { ReplicaConfig } from './config.ts';
import { EXIT, ExitError } from './exit.ts';
import type { Reporter } from './reporter.ts';
import { formatBytes } from './reporter.ts';

/**
 * Follows a primary into a directory until told to stop: the whole of `forebay replica`. Resolves
 * when everything received is on the disk.
 *
 * @throws {ExitError} for what will not mend itself
 */
export async function follow(
  config: ReplicaConfig,
  reporter: Reporter,
  stop: AbortSignal,
): Promise<void> {
  const follower = await Follower.open(config, reporter);
  await follower.run(stop);
}

class Follower {
  readonly #log: Log;
  readonly #replica: Replica;
  readonly #reporter: Reporter;
  readonly #where: string;
  /** What ends the run, from outside of the items. */
  #fatal: ExitError | LogError | undefined;
  /** Whether the primary has ever served us: what it refuses after that may be granted again. */
  #linked = false;
  /** The snapshot is being made the log's base: what the log tells meanwhile may be of the old one. */
  #replacing = false;
  #base: RdbFile | undefined;
  #target: BaseTarget | undefined;
  #reason = '';
  #baseSince = 0;

  private constructor(log: Log, replica: Replica, where: string, reporter: Reporter) {
    this.#log = log;
    this.#replica = replica;
    this.#where = where;
    this.#reporter = reporter;
    this.#report();
  }

  static async open(config: ReplicaConfig, reporter: Reporter): Promise<Follower> {
    const where = describeEndpoint(config.endpoint);
    // The log tells the replica how far it is, and the replica is made for the place the log ends at.
    let follower: Follower | undefined;
    const log = await Log.open(config.directory, {
      fsync: config.fsync,
      onProgress: (progress) => follower?.onProgress(progress),
      onFailure: (error) => follower?.stopBecause(error),
    });
    await removeStaleTemporaries(join(config.directory, 'appendonlydir'));
    const { found } = log;
    reporter.step(`following ${where} into ${config.directory}`);
    reporter.step(
      found === undefined
        ? 'nothing is held yet: a full copy comes first'
        : `held up to ${formatPosition({ id: found.history.id, offset: found.offset })}`,
    );
    follower = new Follower(log, new Replica(replicaOptions(config, log)), where, reporter);
    if (found !== undefined) follower.onProgress(log);
    return follower;
  }

  /** What the log tells goes on to the primary, as acknowledgement. */
  onProgress({ written, synced }: LogProgress): void {
    if (!this.#replacing) this.#replica.progress({ written, synced });
  }

  stopBecause(error: ExitError | LogError): void {
    this.#fatal ??= error;
    void this.#replica.detach();
  }

  async run(stop: AbortSignal): Promise<void> {
    const onStop = () => void this.#replica.detach();
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    try {
      for await (const item of this.#replica) await this.#take(item);
      if (this.#fatal !== undefined) throw this.#fatal;
    } finally {
      stop.removeEventListener('abort', onStop);
      try {
        await this.#base?.abort();
      } finally {
        await this.#log.close();
      }
    }
    this.#reporter.good(`stopped ${this.#place()}, everything is on the disk`);
  }

  async #take(item: ReplicaItem): Promise<void> {
    switch (item.type) {
      case 'stream':
        return this.#log.append(item.bytes, item.boundary);
      case 'snapshot':
        return this.#base?.write(item.bytes);
      case 'full-resync':
        return this.#beginBase(item);
      case 'snapshot-end':
        return this.#adoptBase(item);
      case 'snapshot-aborted':
        return this.#abortBase();
      case 'continue':
        return this.#continue(item);
    }
  }

  async #beginBase({ length, reason }: Extract<ReplicaItem, { type: 'full-resync' }>) {
    const size = length === undefined ? 'of a size not told' : formatBytes(length);
    this.#reporter.step(`full copy, ${size} (${reason})`);
    this.#linked = true;
    this.#baseSince = performance.now();
    this.#target = this.#log.awaitBase();
    this.#reason = reason;
    this.#base = await RdbFile.create(this.#target.directory);
  }

  async #adoptBase({
    history,
    offset,
    database,
  }: Extract<ReplicaItem, { type: 'snapshot-end' }>): Promise<void> {
    const base = this.#base!;
    this.#replacing = true;
    const target = this.#target!;
    await base.commit(target.path);
    this.#base = undefined;
    const { length: size, crc } = base;
    const reason = this.#reason;
    await this.#log.beginHistory({ target, size, crc, history, offset, database, reason });
    this.#replacing = false;
    this.onProgress(this.#log);
    const seconds = ((performance.now() - this.#baseSince) / 1000).toFixed(1);
    this.#reporter.good(
      `full copy done, ${formatBytes(size)} in ${seconds} s; the stream goes on ${this.#place()}`,
    );
  }

  async #abortBase(): Promise<void> {
    await this.#base?.abort();
    this.#base = undefined;
    if (this.#target !== undefined) this.#log.abandonBase(this.#target);
    this.#reporter.trouble('full copy cut short, what was held before stays');
  }

  async #continue({ history, offset }: Extract<ReplicaItem, { type: 'continue' }>): Promise<void> {
    this.#linked = true;
    const before = this.#log.history;
    if (before?.id !== history.id) await this.#log.setHistory(history);
    const shifted = before?.id === history.id ? '' : `, under a new id in place of ${before?.id}`;
    const position = formatPosition({ id: history.id, offset });
    this.#reporter.good(`partial resync, the stream goes on at ${position}${shifted}`);
  }

  #report(): void {
    const replica = this.#replica;
    const reporter = this.#reporter;
    let awaited = false;
    replica.on('state', (state) => {
      if (state !== 'handshake') return;
      reporter.step(`connected to ${this.#where}`);
      awaited = false;
    });
    // Told every second, and said once.
    replica.on('snapshot-awaited', () => {
      if (!awaited) reporter.step('the primary makes the snapshot');
      awaited = true;
    });
    replica.on('transfer', (progress) => reporter.transfer(progress, this.#baseSince));
    replica.on('option-refused', (option, reply) => {
      // Only Valkey 8.0 and later know it, and the others lack nothing by that.
      if (option === 'version') return;
      reporter.step(`the primary does not take REPLCONF ${option}: ${reply}`);
    });
    replica.on('attempt-ended', (error, delay) => this.#onAttemptEnded(error, delay));
  }

  #onAttemptEnded(error: ReplicaError, delay: number): void {
    if (error.code === 'DENIED' && !this.#linked) {
      this.stopBecause(new ExitError(EXIT.denied, error.message, error));
    } else {
      const when = delay === 0 ? 'at once' : `in ${(delay / 1000).toFixed(1)} s`;
      this.#reporter.trouble(`${error.message}; trying again ${when}`);
    }
  }

  #place(): string {
    const { history, written } = this.#log;
    if (history === undefined) return 'before anything was held';
    return `at ${formatPosition({ id: history.id, offset: written })}`;
  }
}

function replicaOptions(config: ReplicaConfig, log: Log): ReplicaOptions {
  const { endpoint, username, password, announcedAddress, timeout } = config;
  return {
    url: endpoint,
    tls: config.tls,
    listeningPort: config.port,
    timeouts: { connect: timeout, handshake: timeout, transfer: timeout, idle: timeout },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(announcedAddress === undefined ? {} : { announcedAddress }),
    ...(log.found === undefined ? {} : { resume: log.found }),
  };
}
