import { keyName } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbElement, StreamElement } from '../format/events.ts';
import type { Argument } from './argument.ts';
import { PendingList } from './pending-list.ts';
import { compareIds } from './stream-gaps.ts';

type Command = readonly Argument[];
type Told<T extends RdbElement['type']> = Extract<RdbElement, { type: T }>;

const NO_ID = '0-0';
const NOTHING: readonly Command[] = [];

/** Ids in one XDEL at the most. */
const MOST_DELETED = 64;

/** Pending entries of a group at the most: 512 MiB of them are in memory then. */
const MOST_PENDING = 16 * 1024 * 1024;

/** Makes the commands that build a stream, as a rewritten AOF has them (`aof.c: rewriteStreamObject`). */
export class StreamCommands {
  readonly #mostPending: number;
  #key!: Uint8Array;
  #entries = 0;
  /** Ids of messages that are not there but pending, in their order: each is added, claimed and deleted again. */
  #missing: readonly string[] = [];
  /** How many of them were added. */
  #placed = 0;
  /** Number of those before the first message. */
  #ahead = 0;
  #stream: Told<'stream'> | undefined;
  #group!: Uint8Array;
  /** Entries of the group that are not acknowledged: told before the consumers that have them. */
  readonly #pending = new PendingList();
  #consumer: Uint8Array | undefined;
  /** Whether the consumer told of last is there by a command that named it. */
  #isMade = false;

  constructor(mostPending: number = MOST_PENDING) {
    this.#mostPending = mostPending;
  }

  /** `key` must stay valid until the end. `missing`: ids of pending entries whose messages were deleted, in their order. */
  begin(key: Uint8Array, missing: readonly string[] = []): void {
    this.#key = key;
    this.#entries = 0;
    this.#missing = missing;
    this.#placed = 0;
    this.#ahead = 0;
    this.#stream = undefined;
    this.#pending.clear();
    this.#consumer = undefined;
  }

  /**
   * The commands of an element: consume them before the next call.
   *
   * @throws {RdbError} `NEEDS_RESTORE` if a group has more pending entries than are kept, or in an order that no
   *   server writes
   */
  add(element: StreamElement): Iterable<Command> {
    switch (element.type) {
      case 'entry':
        return this.#entry(element);
      case 'stream':
        return this.#endEntries(element);
      case 'group':
        return this.#beginGroup(element);
      case 'pending':
        this.#hold(element);
        return NOTHING;
      case 'consumer':
        return this.#beginConsumer(element);
      case 'consumer-pending':
        return this.#claim(element.id);
      // What is kept besides, to recognise messages that come twice, has no command that sets it.
      default:
        return NOTHING;
    }
  }

  *end(): Generator<Command, void, void> {
    yield* this.#endConsumer();
    this.#pending.clear();
    if (this.#placed === 0) return;
    for (let i = this.#ahead; i < this.#placed; i += MOST_DELETED) {
      const ids = this.#missing.slice(i, Math.min(i + MOST_DELETED, this.#placed));
      yield ['XDEL', this.#key, ...ids];
    }
    // Trimming does not count as deleting: in the stream that was read nothing may have been deleted.
    if (this.#ahead > 0) yield ['XTRIM', this.#key, 'MAXLEN', this.#entries];
    // Placeholders are counted by the stream, and the largest deleted id is one of theirs.
    if (this.#stream !== undefined) yield* this.#setId(this.#stream);
  }

  #entry({ id, fields }: Told<'entry'>): Iterable<Command> {
    this.#entries++;
    const next = this.#missing[this.#placed];
    if (next !== undefined && compareIds(next, id) < 0) return this.#placeAndAdd(id, fields);
    return [['XADD', this.#key, id, ...fields]];
  }

  *#placeAndAdd(id: string, fields: readonly Uint8Array[]): Generator<Command, void, void> {
    yield* this.#place(id);
    if (this.#entries === 1) this.#ahead = this.#placed;
    yield ['XADD', this.#key, id, ...fields];
  }

  /** Adds placeholders for the missing messages before `id`; for all that are left without one. */
  *#place(id?: string): Generator<Command, void, void> {
    for (;;) {
      const next = this.#missing[this.#placed];
      if (next === undefined || (id !== undefined && compareIds(next, id) > 0)) return;
      yield ['XADD', this.#key, next, '', ''];
      this.#placed++;
    }
  }

  *#endEntries(stream: Told<'stream'>): Generator<Command, void, void> {
    yield* this.#place();
    if (this.#entries === 0) this.#ahead = this.#placed;
    this.#stream = stream;
    if (this.#placed > 0) return;
    // A stream that is empty has to be there: an entry is added and trimmed at once.
    if (this.#entries === 0) yield ['XADD', this.#key, 'MAXLEN', 0, '0-1', 'x', 'y'];
    yield* this.#setId(stream);
  }

  *#setId({ lastId, maxDeletedId, entriesAdded }: Told<'stream'>): Generator<Command, void, void> {
    const key = this.#key;
    yield ['XSETID', key, lastId];
    // What servers before 7.0 refuse is apart from what they take, and left out where it says nothing.
    const isPlain =
      entriesAdded === undefined ||
      (this.#placed === 0 &&
        this.#entries > 0 &&
        maxDeletedId === NO_ID &&
        entriesAdded === BigInt(this.#entries));
    if (isPlain) return;
    const counts = ['ENTRIESADDED', String(entriesAdded), 'MAXDELETEDID', maxDeletedId ?? NO_ID];
    yield ['XSETID', key, lastId, ...counts];
  }

  *#beginGroup({ name, lastId, entriesRead }: Told<'group'>): Generator<Command, void, void> {
    yield* this.#endConsumer();
    this.#pending.clear();
    this.#group = new Uint8Array(name);
    yield ['XGROUP', 'CREATE', this.#key, this.#group, lastId];
    if (entriesRead === undefined) return;
    const read = ['ENTRIESREAD', String(entriesRead)];
    yield ['XGROUP', 'SETID', this.#key, this.#group, lastId, ...read];
  }

  #hold(pending: Told<'pending'>): void {
    if (this.#pending.length >= this.#mostPending) {
      throw this.#needsRestore(`more than ${this.#mostPending} pending entries`);
    }
    if (this.#pending.add(pending.id, pending)) return;
    throw this.#needsRestore('pending entries in an order that no server writes');
  }

  #needsRestore(what: string): RdbError {
    const message = `group ${keyName(this.#group)} of key ${keyName(this.#key)} has ${what}`;
    return new RdbError('NEEDS_RESTORE', 0, message);
  }

  *#beginConsumer({ name }: Told<'consumer'>): Generator<Command, void, void> {
    yield* this.#endConsumer();
    this.#consumer = new Uint8Array(name);
    this.#isMade = false;
  }

  #claim(id: string): Iterable<Command> {
    const { deliveredAt = 0, deliveries = 1 } = this.#pending.find(id) ?? {};
    this.#isMade = true;
    const times = ['TIME', deliveredAt, 'RETRYCOUNT', deliveries, 'JUSTID', 'FORCE'];
    return [['XCLAIM', this.#key, this.#group, this.#consumer!, 0, id, ...times]];
  }

  /**
   * A consumer without a pending entry is made by reading its own entries, of which there are none: every
   * version takes that, where XGROUP CREATECONSUMER came with 6.2.
   */
  *#endConsumer(): Generator<Command, void, void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined || this.#isMade) return;
    yield ['XREADGROUP', 'GROUP', this.#group, consumer, 'STREAMS', this.#key, '0'];
  }
}
