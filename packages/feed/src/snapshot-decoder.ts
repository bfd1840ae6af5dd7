import type { RdbEvent, RdbKey } from '@forebay/rdb';
import { RdbError, RdbReader, RestorePayloadBuilder } from '@forebay/rdb';
import type { SnapshotEntry, SnapshotKey } from './change.ts';
import { FORMAT_VERSION } from './change.ts';
import { FeedError } from './errors.ts';
import type { ChangeFilter } from './filter.ts';
import { Sieve } from './filter.ts';
import { nameOf } from './key-name.ts';

/** Bytes of the largest value that is given: what a `RESTORE` can carry (`proto-max-bulk-len`). */
const MOST_BYTES = 512 * 1024 * 1024;

/**
 * Makes keys and functions of a snapshot: bytes in, entries out. What modules keep beside their keys is
 * left out. One value at a time is in memory.
 */
export class SnapshotDecoder {
  readonly #reader = new RdbReader({ level: 'raw' });
  readonly #sieve: Sieve;
  readonly #mostBytes: number;
  #version = 0;
  #key: RdbKey | undefined;
  /** Receives the value of the key; undefined if it is too large and only counted. */
  #payload: RestorePayloadBuilder | undefined;
  #size = 0;

  /**
   * @param mostBytes of a value that is given, 512 MiB by default: one that is larger is an error, once it is
   *   known how large it is
   * @throws {FeedError} `INVALID_OPTION` where the filter cannot be used
   */
  constructor(filter: ChangeFilter = {}, mostBytes: number = MOST_BYTES) {
    this.#sieve = new Sieve(filter);
    this.#mostBytes = mostBytes;
  }

  /** Of the RDB: 0 before its first bytes were read. */
  get version(): number {
    return this.#version;
  }

  /** Whether its end was read, and its checksum found right. */
  get done(): boolean {
    return this.#reader.done;
  }

  /** Gives the next bytes of the RDB, once `next` has returned undefined; they must not change until it does so again. */
  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /**
   * The next key or function that the filter lets through; undefined: more bytes are needed.
   *
   * @throws {FeedError} `SNAPSHOT`
   */
  next(): SnapshotEntry | undefined {
    try {
      for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
        const entry = this.#take(event);
        if (entry !== undefined) return entry;
      }
      return undefined;
    } catch (error) {
      throw toFeedError(error);
    }
  }

  /** To be called after the last byte. @throws {FeedError} `SNAPSHOT` unless it was whole */
  finish(): void {
    try {
      this.#reader.finish();
    } catch (error) {
      throw toFeedError(error);
    }
  }

  #take(event: RdbEvent): SnapshotEntry | undefined {
    switch (event.type) {
      case 'header':
        this.#version = event.version;
        return undefined;
      case 'function':
        return { type: 'function', v: FORMAT_VERSION, code: copyOf(event.code) };
      case 'key':
        this.#begin(event);
        return undefined;
      case 'raw':
        this.#gather(event.bytes);
        return undefined;
      case 'key-end':
        return this.#end();
      default:
        return undefined;
    }
  }

  #begin(key: RdbKey): void {
    this.#key = undefined;
    if (!this.#sieve.letsKey(key.database, key.key)) {
      this.#reader.skip();
      return;
    }
    this.#key = { ...key, key: copyOf(key.key) };
    this.#payload = new RestorePayloadBuilder(key.valueType, this.#version);
    this.#size = 0;
  }

  #gather(bytes: Uint8Array): void {
    this.#size += bytes.length;
    // It is counted to its end, so that it can be said how large it is.
    if (this.#size > this.#mostBytes) this.#payload = undefined;
    else this.#payload?.add(bytes);
  }

  #end(): SnapshotKey | undefined {
    const found = this.#key;
    if (found === undefined) return undefined;
    const payload = this.#payload?.finish();
    this.#payload = undefined;
    if (payload === undefined) throw tooLarge(found, this.#size, this.#mostBytes);
    const { database, key, dataType, encoding, expiresAt, idle, frequency } = found;
    const about = { database, key, dataType, encoding, expiresAt, idle, frequency };
    return { type: 'key', v: FORMAT_VERSION, ...about, payload };
  }
}

/** Of a Buffer, which may be what was pushed, `slice` would be a view. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function tooLarge(key: RdbKey, size: number, most: number): FeedError {
  const found = `${nameOf(key)} has a value of ${size} bytes, where ${most} are the most that one event can have`;
  const advice =
    'leave it out by a filter; an RDB in a file can be read with it, element by element';
  return new FeedError('SNAPSHOT', `${found}: ${advice}`);
}

function toFeedError(error: unknown): unknown {
  if (!(error instanceof RdbError)) return error;
  return new FeedError('SNAPSHOT', `the snapshot cannot be read: ${error.message}`, {
    cause: error,
  });
}
