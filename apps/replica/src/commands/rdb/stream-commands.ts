import type { RdbElement, StreamElement } from '@forebay/rdb';
import { EXIT, ExitError } from '../../exit.ts';
import { PendingList } from './pending-list.ts';
import { nameOf } from './scan.ts';

/** What a command is made of. */
export type Argument = string | number | Uint8Array;

type Send = (args: readonly Argument[]) => void | Promise<void>;
type Told<T extends RdbElement['type']> = Extract<RdbElement, { type: T }>;

const NO_ID = '0-0';

/** Pending entries of a group at the most: 512 MiB of them are in memory then. */
const MOST_PENDING = 16 * 1024 * 1024;

/** Makes the commands that build a stream, as a rewritten AOF has them (`aof.c: rewriteStreamObject`). */
export class StreamCommands {
  readonly #send: Send;
  readonly #mostPending: number;
  #key!: Uint8Array;
  #entries = 0;
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

  /** `key` has to last until the end. */
  begin(key: Uint8Array): void {
    this.#key = key;
    this.#entries = 0;
    this.#pending.clear();
    this.#consumer = undefined;
  }

  /** @throws {ExitError} runtime where a group has more pending entries than are kept */
  add(element: StreamElement): void | Promise<void> {
    switch (element.type) {
      case 'entry':
        this.#entries++;
        return this.#send(['XADD', this.#key, element.id, ...element.fields]);
      case 'stream':
        return this.#stream(element);
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
  }

  /** Of a stream that is empty an entry is added and trimmed at once: it has to be there. */
  async #stream(stream: Told<'stream'>): Promise<void> {
    const key = this.#key;
    if (this.#entries === 0) await this.#send(['XADD', key, 'MAXLEN', 0, '0-1', 'x', 'y']);
    const { lastId, maxDeletedId, entriesAdded } = stream;
    await this.#send(['XSETID', key, lastId]);
    // What servers before 7.0 refuse is apart from what they take, and left out where it says nothing.
    const isPlain =
      entriesAdded === undefined ||
      (this.#entries > 0 && maxDeletedId === NO_ID && entriesAdded === BigInt(this.#entries));
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

  /** A consumer that has no entry is made by its name (6.2 and later). */
  async #endConsumer(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined || this.#isMade) return;
    await this.#send(['XGROUP', 'CREATECONSUMER', this.#key, this.#group, consumer]);
  }
}
