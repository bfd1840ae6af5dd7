import type { RdbElement, StreamElement } from '@forebay/rdb';
import { EXIT, ExitError } from '../../exit.ts';
import { PendingList } from './pending-list.ts';
import { nameOf } from './scan.ts';
import { compareIds } from './stream-gaps.ts';

/** What a command is made of. */
export type Argument = string | number | Uint8Array;

type Send = (args: readonly Argument[]) => void | Promise<void>;
type Told<T extends RdbElement['type']> = Extract<RdbElement, { type: T }>;

const NO_ID = '0-0';

/** Ids in one XDEL at the most. */
const MOST_DELETED = 64;

/** Pending entries of a group at the most: 512 MiB of them are in memory then. */
const MOST_PENDING = 16 * 1024 * 1024;

/** Makes the commands that build a stream, as a rewritten AOF has them (`aof.c: rewriteStreamObject`). */
export class StreamCommands {
  readonly #send: Send;
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

  constructor(send: Send, mostPending: number = MOST_PENDING) {
    this.#send = send;
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

  /** @throws {ExitError} runtime where a group has more pending entries than are kept */
  add(element: StreamElement): void | Promise<void> {
    switch (element.type) {
      case 'entry':
        return this.#entry(element);
      case 'stream':
        return this.#endEntries(element);
      case 'group':
        return this.#beginGroup(element);
      case 'pending':
        this.#hold(element);
        return undefined;
      case 'consumer':
        return this.#beginConsumer(element);
      case 'consumer-pending':
        return this.#claim(element.id);
      // What is kept besides, to recognise messages that come twice, has no command that sets it.
      default:
        return undefined;
    }
  }

  async end(): Promise<void> {
    await this.#endConsumer();
    this.#pending.clear();
    if (this.#placed === 0) return;
    for (let i = this.#ahead; i < this.#placed; i += MOST_DELETED) {
      const ids = this.#missing.slice(i, Math.min(i + MOST_DELETED, this.#placed));
      await this.#send(['XDEL', this.#key, ...ids]);
    }
    // Trimming does not count as deleting: in the stream that was read nothing may have been deleted.
    if (this.#ahead > 0) await this.#send(['XTRIM', this.#key, 'MAXLEN', this.#entries]);
    // Placeholders are counted by the stream, and the largest deleted id is one of theirs.
    if (this.#stream !== undefined) await this.#setId(this.#stream);
  }

  #entry({ id, fields }: Told<'entry'>): void | Promise<void> {
    this.#entries++;
    const next = this.#missing[this.#placed];
    if (next !== undefined && compareIds(next, id) < 0) return this.#placeAndAdd(id, fields);
    return this.#send(['XADD', this.#key, id, ...fields]);
  }

  async #placeAndAdd(id: string, fields: readonly Uint8Array[]): Promise<void> {
    await this.#place(id);
    if (this.#entries === 1) this.#ahead = this.#placed;
    await this.#send(['XADD', this.#key, id, ...fields]);
  }

  /** Adds placeholders for the missing messages before `id`; for all that are left without one. */
  async #place(id?: string): Promise<void> {
    for (;;) {
      const next = this.#missing[this.#placed];
      if (next === undefined || (id !== undefined && compareIds(next, id) > 0)) return;
      await this.#send(['XADD', this.#key, next, '', '']);
      this.#placed++;
    }
  }

  async #endEntries(stream: Told<'stream'>): Promise<void> {
    await this.#place();
    if (this.#entries === 0) this.#ahead = this.#placed;
    this.#stream = stream;
    if (this.#placed > 0) return;
    // A stream that is empty has to be there: an entry is added and trimmed at once.
    if (this.#entries === 0) await this.#send(['XADD', this.#key, 'MAXLEN', 0, '0-1', 'x', 'y']);
    await this.#setId(stream);
  }

  async #setId({ lastId, maxDeletedId, entriesAdded }: Told<'stream'>): Promise<void> {
    const key = this.#key;
    await this.#send(['XSETID', key, lastId]);
    // What servers before 7.0 refuse is apart from what they take, and left out where it says nothing.
    const isPlain =
      entriesAdded === undefined ||
      (this.#placed === 0 &&
        this.#entries > 0 &&
        maxDeletedId === NO_ID &&
        entriesAdded === BigInt(this.#entries));
    if (isPlain) return;
    const counts = ['ENTRIESADDED', String(entriesAdded), 'MAXDELETEDID', maxDeletedId ?? NO_ID];
    await this.#send(['XSETID', key, lastId, ...counts]);
  }

  async #beginGroup({ name, lastId, entriesRead }: Told<'group'>): Promise<void> {
    await this.#endConsumer();
    this.#pending.clear();
    this.#group = name.slice();
    await this.#send(['XGROUP', 'CREATE', this.#key, this.#group, lastId]);
    if (entriesRead === undefined) return;
    const read = ['ENTRIESREAD', String(entriesRead)];
    await this.#send(['XGROUP', 'SETID', this.#key, this.#group, lastId, ...read]);
  }

  #hold(pending: Told<'pending'>): void {
    const group = () => `group ${nameOf(this.#group)} of key ${nameOf(this.#key)}`;
    const advice = 'without --plain its key is one RESTORE';
    if (this.#pending.length >= this.#mostPending) {
      const most = `more than ${this.#mostPending} pending entries`;
      throw new ExitError(EXIT.runtime, `${group()} has ${most}: ${advice}`);
    }
    if (this.#pending.add(pending.id, pending)) return;
    const what = 'pending entries in an order that no server writes';
    throw new ExitError(EXIT.runtime, `${group()} has ${what}: ${advice}`);
  }

  async #beginConsumer({ name }: Told<'consumer'>): Promise<void> {
    await this.#endConsumer();
    this.#consumer = name.slice();
    this.#isMade = false;
  }

  #claim(id: string): void | Promise<void> {
    const { deliveredAt = 0, deliveries = 1 } = this.#pending.find(id) ?? {};
    this.#isMade = true;
    const times = ['TIME', deliveredAt, 'RETRYCOUNT', deliveries, 'JUSTID', 'FORCE'];
    return this.#send(['XCLAIM', this.#key, this.#group, this.#consumer!, 0, id, ...times]);
  }

  /**
   * A consumer without a pending entry is made by reading its own entries, of which there are none: every
   * version takes that, where XGROUP CREATECONSUMER came with 6.2.
   */
  async #endConsumer(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined || this.#isMade) return;
    await this.#send(['XREADGROUP', 'GROUP', this.#group, consumer, 'STREAMS', this.#key, '0']);
  }
}
