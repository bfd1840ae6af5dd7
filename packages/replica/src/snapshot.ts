import { randomBytes } from 'node:crypto';
import type { CopyCause, History, Position } from '@forebay/psync';
import { BLANK_ID, isReplicationId, startHistory } from '@forebay/psync';
import type { RdbVerdict } from '@forebay/rdb';
import { RdbPreambleReader, RdbVerifier, replicationInfo } from '@forebay/rdb';
import { BulkPayloadReader } from '@forebay/rdb-receiver';
import type { AcceptedSnapshots } from './link-options.ts';
import type { LinkOwner } from './link-owner.ts';

/** What the primary said of the snapshot before it came. */
export interface SnapshotStart {
  /** The id of `+FULLRESYNC`, blank if it was malformed; undefined after SYNC. */
  readonly id: string | undefined;
  readonly offset: number | undefined;
  /** Whether SYNC was used, which names neither. */
  readonly bySync: boolean;
}

/** How a transfer ended. */
export type SnapshotEnd =
  | { readonly type: 'refused'; readonly line: string }
  /** All of it came, and it is none that is taken. */
  | { readonly type: 'unfit'; readonly verdict: RdbVerdict }
  | {
      readonly type: 'whole';
      readonly history: History;
      readonly offset: number;
      readonly database: number;
      readonly aux: ReadonlyMap<string, string>;
      readonly verdict: RdbVerdict | undefined;
      /** Whether the primary takes acknowledgements. */
      readonly acknowledged: boolean;
      /** Whether the payload ended at a mark: the primary then sends nothing until it is acknowledged. */
      readonly marked: boolean;
      readonly rest: Uint8Array;
    };

export interface SnapshotOptions {
  readonly start: SnapshotStart;
  /** Takes the items, the progress, and each sign that the primary is still making the snapshot. */
  readonly owner: Pick<LinkOwner, 'deliver' | 'onTransfer' | 'onWaiting'>;
  readonly accepts: AcceptedSnapshots;
  readonly cause: CopyCause;
  /** One line, for messages. */
  readonly reason: string;
}

/** A bulk payload on its way: framing off, verified as it passes. */
export class Snapshot {
  readonly #options: SnapshotOptions;
  readonly #payload = new BulkPayloadReader();
  readonly #preamble = new RdbPreambleReader();
  readonly #verifier: RdbVerifier | undefined;
  readonly #aux = new Map<string, string>();
  #length: number | undefined;
  #marked = false;
  #announced = false;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#verifier = options.accepts === 'any' ? undefined : new RdbVerifier();
  }

  /** Whether `full-resync` was delivered: it is to have an end. */
  get announced(): boolean {
    return this.#announced;
  }

  /**
   * The next bytes from the primary; their end once it is there.
   *
   * @throws {RdbReceiverError} @throws {RdbError} what came is no payload, or no RDB
   */
  push(bytes: Uint8Array): SnapshotEnd | undefined {
    const payload = this.#payload;
    payload.push(bytes);
    for (let event = payload.next(); event !== undefined; event = payload.next()) {
      switch (event.type) {
        case 'keepalive':
          this.#options.owner.onWaiting();
          break;
        case 'header':
          this.#length = event.length;
          this.#marked = event.length === undefined;
          this.#announced = true;
          this.#options.owner.deliver({
            type: 'full-resync',
            length: event.length,
            position: positionOf(this.#options.start),
            cause: this.#options.cause,
            reason: this.#options.reason,
          });
          break;
        case 'bytes':
          this.#look(event.bytes);
          this.#verifier?.push(event.bytes);
          this.#options.owner.deliver({ type: 'snapshot', bytes: event.bytes });
          break;
        case 'refused':
          return { type: 'refused', line: event.line };
        case 'end':
          return this.#whole(payload.takeRest());
      }
    }
    if (this.#announced) {
      this.#options.owner.onTransfer({ total: this.#length, read: payload.progress.read });
    }
    return undefined;
  }

  #look(bytes: Uint8Array): void {
    const preamble = this.#preamble;
    if (preamble.done) return;
    preamble.push(bytes);
    for (let event = preamble.next(); event !== undefined; event = preamble.next()) {
      if (event.type === 'aux') this.#aux.set(event.key, event.value);
    }
  }

  #whole(rest: Uint8Array): SnapshotEnd {
    this.#options.owner.onTransfer({ total: this.#length, read: this.#payload.progress.read });
    const verdict = this.#verifier?.finish();
    if (verdict !== undefined && !this.#takes(verdict)) return { type: 'unfit', verdict };
    this.#preamble.finish();
    const told = replicationInfo(this.#aux);
    const { bySync } = this.#options.start;
    const id = this.#options.start.id ?? told.replicationId ?? BLANK_ID;
    const named = id !== BLANK_ID && isReplicationId(id);
    return {
      type: 'whole',
      // A history that the primary gave no name for is ours alone: no id of it can be continued.
      history: startHistory(named ? id : randomBytes(20).toString('hex')),
      offset: this.#options.start.offset ?? told.offset ?? 0,
      database: told.streamDatabase ?? 0,
      aux: this.#aux,
      verdict,
      // A primary that SYNC reached may be older than ACK (2.8), whose answer would join the stream.
      acknowledged: !bySync || told.offset !== undefined || this.#marked,
      marked: this.#marked,
      rest,
    };
  }

  #takes({ outcome }: RdbVerdict): boolean {
    return outcome === 'unproven' ? this.#options.accepts === 'unproven' : outcome !== 'damaged';
  }
}

function positionOf({ id, offset }: SnapshotStart): Position | undefined {
  if (id === undefined || id === BLANK_ID || offset === undefined) return undefined;
  return { id, offset };
}
