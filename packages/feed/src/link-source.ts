import type { Position } from '@forebay/psync';
import { PsyncError, StreamTracker, startHistory } from '@forebay/psync';
import type { ReplicaErrorCode, ReplicaItem, ReplicaTarget, Resume } from '@forebay/replica';
import { Replica, ReplicaError } from '@forebay/replica';
import { FORMAT_VERSION } from './change.ts';
import { FeedError } from './errors.ts';
import type { FeedNotice } from './notice.ts';
import type { Place } from './place.ts';
import type { Source, SourceItem } from './source.ts';

/** What is wrong with the address or the credentials: as a first answer it will not mend itself. */
const FINAL_AT_FIRST: readonly ReplicaErrorCode[] = [
  ...(['UNREACHABLE', 'UNRESOLVED', 'TLS', 'TIMEOUT'] as const),
  ...(['DENIED', 'REFUSED', 'NOT_UNDERSTOOD'] as const),
];

export interface LinkSourceOptions {
  readonly target: ReplicaTarget;
  readonly from: Place | undefined;
  /** Whether a full resync is passed on with its snapshot. */
  readonly snapshot: boolean;
  /** Milliseconds of silence; undefined: as a replica has it by default. */
  readonly timeout: number | undefined;
  readonly onNotice: (notice: FeedNotice) => void;
}

/** The stream from a primary, or from a replica of one, to which this is a replica that keeps nothing. */
export class LinkSource implements Source {
  readonly #options: LinkSourceOptions;
  #replica: Replica;
  /** What has been passed on; undefined before the first start. */
  #here: Position | undefined;
  #reason = '';
  /** A snapshot was begun, and is not whole. */
  #inSnapshot = false;
  #closed = false;

  /** @throws {FeedError} `INVALID_OPTION` */
  constructor(options: LinkSourceOptions) {
    this.#options = options;
    const { from } = options;
    this.#replica = this.#attach(from === undefined ? {} : { resume: resumeAt(from) });
  }

  async *items(): AsyncGenerator<SourceItem, void, void> {
    while (!this.#closed) {
      for await (const item of this.#replica) {
        if (this.#closed) return;
        if (item.type === 'continue' && this.#inSnapshot) break;
        yield* this.#passOn(item);
      }
      // What came before the snapshot was given up for it: it cannot be gone on from any more.
      if (!this.#closed) this.#replica = this.#attach();
    }
  }

  keep(): Promise<void> {
    const message = 'a primary keeps no place: go on from where you were with `from`';
    return Promise.reject(new FeedError('INVALID_OPTION', message));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#replica.detach();
  }

  /** @throws {FeedError} `INVALID_OPTION` */
  #attach(resume: { readonly resume?: Resume } = {}): Replica {
    const { target, snapshot, timeout, onNotice } = this.#options;
    // The consumer decodes the snapshot and so detects faults.
    const acceptedSnapshots = 'any';
    // Where it is taken, the snapshot is empty: its end alone is wanted, and the SELECT after it.
    const filter = snapshot ? {} : { rdbFilterOnly: '' };
    const patience = timeout === undefined ? {} : { timeouts: timeoutsOf(timeout) };
    const replica = asFeedError(
      () => new Replica({ ...target, ...patience, ...filter, ...resume, acceptedSnapshots }),
    );
    replica.on('state', (state) => {
      if (state === 'handshake') onNotice({ type: 'connected' });
    });
    replica.on('attempt-ended', (error, delay) => {
      const told = new FeedError('LINK', error.message, { cause: error });
      if (this.#here === undefined && FINAL_AT_FIRST.includes(error.code)) throw told;
      onNotice({ type: 'retry', error: told, delay });
    });
    replica.on('option-refused', (option, reply) => {
      if (option === 'rdb-filter-only') onNotice({ type: 'whole-snapshot', reply });
    });
    return replica;
  }

  *#passOn(item: ReplicaItem): Generator<SourceItem, void, void> {
    switch (item.type) {
      case 'full-resync':
        this.#reason = item.reason;
        if (!this.#options.snapshot) break;
        this.#inSnapshot = true;
        yield {
          type: 'snapshot',
          v: FORMAT_VERSION,
          at: item.position,
          reason: item.reason,
          time: Date.now(),
        };
        break;
      case 'snapshot':
        if (this.#inSnapshot) yield { type: 'rdb', bytes: item.bytes };
        break;
      case 'snapshot-end': {
        const { offset, database } = item;
        const to = { id: item.history.id, offset };
        // The one acknowledgement: the primary waits for it before it sends the stream. None follows,
        // for nothing is stored here, and WAIT must not count it.
        this.#replica.progress({ written: offset });
        const from = this.#here ?? this.#options.from;
        if (from !== undefined && !this.#inSnapshot) {
          const places = { from: { id: from.id, offset: from.offset }, to };
          const [reason, time] = [this.#reason, Date.now()];
          yield { type: 'reset', v: FORMAT_VERSION, ...places, reason, time };
        }
        this.#here = to;
        this.#inSnapshot = false;
        yield { type: 'start', ...to, database, after: offset };
        break;
      }
      case 'continue': {
        const begins = this.#here === undefined;
        this.#here = { id: item.history.id, offset: item.offset };
        if (!begins) break;
        const database = this.#options.from?.database ?? 0;
        yield { type: 'start', ...this.#here, database, after: item.offset };
        break;
      }
      case 'stream': {
        const id = this.#here?.id ?? '';
        this.#here = { id, offset: item.offset };
        // The bytes are the link's again when the next item is asked for.
        const bytes = new Uint8Array(item.bytes);
        yield { type: 'stream', bytes, offset: item.offset, id, time: Date.now() };
        break;
      }
    }
  }
}

function timeoutsOf(timeout: number) {
  return { connect: timeout, handshake: timeout, transfer: timeout, idle: timeout };
}

/** @throws {FeedError} `INVALID_OPTION` */
function resumeAt({ id, offset, database }: Place): Resume {
  if (database === undefined) {
    const message = 'a partial resync repeats no SELECT: give the position as <id>:<offset>:<db>';
    throw new FeedError('INVALID_OPTION', message);
  }
  const stream = () => new StreamTracker({ offset, database });
  return asFeedError(() => ({ history: startHistory(id), offset, stream: stream() }));
}

/** @throws {FeedError} `INVALID_OPTION` for what the packages below say of options */
function asFeedError<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PsyncError || error instanceof ReplicaError)) throw error;
    throw new FeedError('INVALID_OPTION', error.message, { cause: error });
  }
}
