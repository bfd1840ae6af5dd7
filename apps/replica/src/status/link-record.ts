import type { Clock } from '@forebay/clock';
import type { CopyCause } from '@forebay/psync';
import type { ReplicaErrorCode, ReplicaState, TransferProgress } from '@forebay/replica';
import { Timestamp } from './timestamp.ts';

/** Why a partial resync went as it did: under the id that was asked for, or under a new one. */
export type PartialCause = 'same-id' | 'new-id';

/** How often something has happened, by why. */
type Counts<Cause extends string> = ReadonlyMap<Cause, number>;

/** The link above, as of one moment; times are dates of `Timestamp`, counts since the start. */
export interface LinkStatus {
  /** `detached`: nobody is followed. */
  readonly state: ReplicaState;
  /** When it came into this state. */
  readonly since: number;
  /** When something came over it last; undefined: nothing yet. */
  readonly lastIo: number | undefined;
  /** When it was lost; undefined while it stands. */
  readonly downSince: number | undefined;
  /** A full copy on its way. */
  readonly transfer: TransferProgress | undefined;
  /** Syncs by kind. */
  readonly syncs: { readonly full: Counts<CopyCause>; readonly partial: Counts<PartialCause> };
  /** Attempts that have ended, by the code of what ended them. */
  readonly reconnects: Counts<ReplicaErrorCode>;
  readonly received: Received;
}

/** A state of the link that has lasted some milliseconds. */
export interface LinkPhase {
  readonly state: ReplicaState;
  readonly lasted: number;
}

/** What has come in since the start. */
interface Received {
  /** Bytes of the stream. */
  readonly stream: number;
  /** Commands of the stream that are whole. */
  readonly commands: number;
  /** Bytes of full copies. */
  readonly snapshots: number;
}

/** Who counts the commands of a session. */
interface CommandCount {
  readonly commands: number;
}

/** What a session tells of its link; it outlives every session. */
export class LinkRecord {
  readonly #clock: Clock;
  #state: ReplicaState = 'idle';
  #since: Timestamp;
  #lastIo: Timestamp | undefined;
  #downSince: Timestamp | undefined;
  #transfer: TransferProgress | undefined;
  readonly #full = new Map<CopyCause, number>();
  readonly #partial = new Map<PartialCause, number>();
  readonly #reconnects = new Map<ReplicaErrorCode, number>();
  #stream = 0;
  #snapshots = 0;
  /** Commands of the sessions before this one. */
  #commandsBefore = 0;
  #session: CommandCount | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = new Timestamp(clock);
    this.#downSince = this.#since;
  }

  get status(): LinkStatus {
    return {
      state: this.#state,
      since: this.#since.date,
      lastIo: this.#lastIo?.date,
      downSince: this.#downSince?.date,
      transfer: this.#transfer,
      syncs: { full: new Map(this.#full), partial: new Map(this.#partial) },
      reconnects: new Map(this.#reconnects),
      received: {
        stream: this.#stream,
        commands: this.#commandsBefore + (this.#session?.commands ?? 0),
        snapshots: this.#snapshots,
      },
    };
  }

  /** The state of the link, and for how many milliseconds it has had it. */
  get phase(): LinkPhase {
    return { state: this.#state, lasted: this.#since.age };
  }

  /** Milliseconds without a byte in the present state. */
  get silence(): number {
    return Math.min(this.#since.age, this.#lastIo?.age ?? Infinity);
  }

  /** Milliseconds that the link has been down; 0 while it is up. */
  get downtime(): number {
    return this.#downSince?.age ?? 0;
  }

  /** A session begins; its commands are counted on. */
  began(session: CommandCount): void {
    this.#commandsBefore += this.#session?.commands ?? 0;
    this.#session = session;
  }

  entered(state: ReplicaState): void {
    const now = new Timestamp(this.#clock);
    if (this.#state === 'stream') this.#downSince = now;
    if (state === 'stream') this.#downSince = undefined;
    this.#transfer = undefined;
    this.#state = state;
    this.#since = now;
  }

  /** Counts received bytes of the stream. */
  heard(bytes: number): void {
    this.#stream += bytes;
    this.#lastIo = new Timestamp(this.#clock);
  }

  transferred(progress: TransferProgress): void {
    this.#snapshots += progress.read - (this.#transfer?.read ?? 0);
    this.#transfer = progress;
    this.#lastIo = new Timestamp(this.#clock);
  }

  copied(cause: CopyCause): void {
    count(this.#full, cause);
    this.#lastIo = new Timestamp(this.#clock);
  }

  continued(cause: PartialCause): void {
    count(this.#partial, cause);
    this.#lastIo = new Timestamp(this.#clock);
  }

  attemptEnded(code: ReplicaErrorCode): void {
    count(this.#reconnects, code);
  }
}

function count<Cause>(counts: Map<Cause, number>, cause: Cause): void {
  counts.set(cause, (counts.get(cause) ?? 0) + 1);
}
