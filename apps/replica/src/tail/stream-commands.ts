import type { SnapshotEntry, SourceItem, Start } from '@forebay/feed';
import { FeedError, SnapshotDecoder } from '@forebay/feed';
import { PsyncError, StreamTracker } from '@forebay/psync';
import { isPlain, PlainCommands, restoreArguments } from '@forebay/rdb/commands';
import { encodeCommand, encodeCommandParts } from '@forebay/resp';
import { linesOfLosses } from '../commands/rdb/losses.ts';
import { plainCommandsOf } from './plain-snapshot.ts';

/** The first RDBs that have functions, of 7.0. */
const FUNCTIONS_SINCE = 10;

/**
 * Makes commands of a stream and of the snapshots in it, for a server that executes them one after the other.
 * The stream is passed on as it is, but no further than to where it may be cut: what it breaks off in the
 * middle of, a command or a transaction, is left out.
 */
export class StreamCommands {
  readonly #flushesFirst: boolean;
  readonly #plain: PlainCommands | undefined;
  #snapshot: SnapshotDecoder | undefined;
  #snapshots = 0;
  #flushes = false;
  #database: number | undefined;
  #tracker: StreamTracker | undefined;
  /** What came after the last boundary. */
  #held: Uint8Array[] = [];

  /**
   * `flushesFirst`: whether the target is emptied for the first snapshot, as it is for each further one. `plain`:
   * whether keys are made by commands of clients, and not by RESTORE.
   */
  constructor(flushesFirst: boolean, plain = false) {
    this.#flushesFirst = flushesFirst;
    this.#plain = plain ? new PlainCommands() : undefined;
  }

  /** Data left out of snapshots so far, one line for each kind. */
  get losses(): string[] {
    if (this.#plain === undefined) return [];
    return linesOfLosses({ metadata: 0, deleted: 0, ...this.#plain.losses });
  }

  /** @throws {FeedError} `SNAPSHOT`, `DESYNCHRONIZED` */
  *commandsOf(item: SourceItem): Generator<Uint8Array, void, void> {
    switch (item.type) {
      case 'stream':
        yield* this.#pass(item.bytes);
        break;
      case 'start':
        yield* this.#start(item);
        break;
      case 'snapshot':
        this.#held = [];
        this.#snapshot = new SnapshotDecoder();
        this.#flushes = this.#flushesFirst || this.#snapshots++ > 0;
        break;
      case 'rdb':
        yield* this.#restore(item.bytes);
        break;
      default:
        this.#held = [];
    }
  }

  *#pass(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    const tracker = this.#tracker;
    if (tracker === undefined) return;
    track(tracker, bytes);
    const open = tracker.offset - tracker.boundary.offset;
    if (open >= bytes.length) {
      if (bytes.length > 0) this.#held.push(bytes);
      return;
    }
    yield* this.#held;
    yield bytes.subarray(0, bytes.length - open);
    this.#held = open === 0 ? [] : [bytes.subarray(bytes.length - open)];
  }

  *#start({ offset, database }: Start): Generator<Uint8Array, void, void> {
    this.#snapshot?.finish();
    this.#snapshot = undefined;
    this.#held = [];
    this.#tracker = new StreamTracker({ offset, database });
    // As each file of a log: whoever executes it may be in any.
    yield* this.#select(database);
    this.#database = undefined;
  }

  *#restore(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    snapshot.push(bytes);
    for (let entry = snapshot.next(); entry; entry = snapshot.next()) {
      yield* this.#flush(snapshot.version);
      yield* this.#commandsOf(entry);
    }
    if (snapshot.done) yield* this.#flush(snapshot.version);
  }

  /** What is there is of the snapshot before, or in the way. */
  *#flush(version: number): Generator<Uint8Array, void, void> {
    if (!this.#flushes) return;
    this.#flushes = false;
    yield encodeCommand(['FLUSHALL']);
    if (version >= FUNCTIONS_SINCE) yield encodeCommand(['FUNCTION', 'FLUSH']);
  }

  *#commandsOf(entry: SnapshotEntry): Generator<Uint8Array, void, void> {
    if (entry.type === 'function') {
      yield encodeCommand(['FUNCTION', 'LOAD', entry.code]);
      return;
    }
    yield* this.#select(entry.database);
    if (this.#plain !== undefined && isPlain(entry)) yield* plainCommandsOf(entry, this.#plain);
    else yield* encodeCommandParts(restoreArguments(entry.key, entry.payload, entry));
  }

  *#select(database: number): Generator<Uint8Array, void, void> {
    if (database !== this.#database) yield encodeCommand(['SELECT', database]);
    this.#database = database;
  }
}

/** @throws {FeedError} `DESYNCHRONIZED`, as reading the changes of the same stream does */
function track(tracker: StreamTracker, bytes: Uint8Array): void {
  try {
    tracker.push(bytes);
  } catch (error) {
    if (!(error instanceof PsyncError)) throw error;
    const { message, offset } = error;
    throw new FeedError('DESYNCHRONIZED', message, {
      ...(offset === undefined ? {} : { offset }),
      cause: error,
    });
  }
}
