import { Crc64 } from '../bytes/crc64.ts';
import { Cursor } from '../bytes/cursor.ts';
import { RdbError } from '../format/errors.ts';
import { STRING } from '../values/types.ts';

/** Bytes that follow a value in what DUMP gives: a version and a checksum. */
const FOOTER = 10;
/** Bytes of a first piece that are worth a look at how long the string is. */
const LONG = 64 * 1024;
/** Bytes of a value that memory is taken for before they are there. */
const MOST_AHEAD = 512 * 1024 * 1024 + 16;

/**
 * What `RESTORE` takes and `DUMP` gives: a value, its type before it, and behind it the version of RDB it is
 * of and the CRC-64 of all that (`cluster.c: createDumpPayload`). A server takes versions up to its own, and
 * types by what that version of its own line means by them.
 *
 * @param valueType the number of its type, `valueType` of a `key`
 * @param value its bytes as they stand in an RDB, which is what the level `raw` gives, all pieces together
 * @param version of the RDB it was in, 1 to 65535
 * @throws {RdbError} `INVALID_VALUE`
 */
export function restorePayload(valueType: number, value: Uint8Array, version: number): Uint8Array {
  const builder = new RestorePayloadBuilder(valueType, version, value.length);
  builder.add(value);
  return builder.finish();
}

/** Makes the same of a value that comes in pieces, each of which is copied once. */
export class RestorePayloadBuilder {
  readonly #valueType: number;
  readonly #version: number;
  /** The payload where its size is known; else undefined, and what was added is in the pieces. */
  #payload: Uint8Array | undefined;
  #pieces: Uint8Array[] = [];
  #size = 0;

  /**
   * `valueType`, `version` as of `restorePayload`; `size`: bytes of the value. Without it that of a string is
   * read from its first piece; any other value is held twice for a moment.
   *
   * @throws {RdbError} `INVALID_VALUE`
   */
  constructor(valueType: number, version: number, size?: number) {
    const isIn = (number: number, most: number) =>
      Number.isInteger(number) && number >= 0 && number <= most;
    if (!isIn(valueType, 255) || !isIn(version, 65_535)) {
      const message = `a payload of version ${version} cannot have type ${valueType}`;
      throw new RdbError('INVALID_VALUE', 0, message);
    }
    this.#valueType = valueType;
    this.#version = version;
    if (size !== undefined) this.#payload = new Uint8Array(1 + size + FOOTER);
  }

  /** Bytes of the value that were added. */
  get size(): number {
    return this.#size;
  }

  /** Adds bytes of the value, which are copied. @throws {RdbError} `MISUSE` beyond its size */
  add(bytes: Uint8Array): void {
    if (this.#size === 0 && this.#valueType === STRING && bytes.length >= LONG) {
      const size = sizeOfString(bytes);
      if (size !== undefined) this.#payload ??= new Uint8Array(1 + size + FOOTER);
    }
    const payload = this.#payload;
    if (payload === undefined) this.#pieces.push(new Uint8Array(bytes));
    else if (1 + this.#size + bytes.length + FOOTER > payload.length) throw beyond(this.#size);
    else payload.set(bytes, 1 + this.#size);
    this.#size += bytes.length;
  }

  /** All was added. @throws {RdbError} `MISUSE` before its size */
  finish(): Uint8Array {
    const payload = this.#payload ?? this.#joined();
    const end = 1 + this.#size;
    if (end + FOOTER !== payload.length) throw beyond(this.#size);
    payload[0] = this.#valueType;
    payload[end] = this.#version & 0xff;
    payload[end + 1] = this.#version >> 8;
    const crc = new Crc64();
    crc.push(payload.subarray(0, end + 2));
    crc.writeTo(payload, end + 2);
    return payload;
  }

  #joined(): Uint8Array {
    const payload = new Uint8Array(1 + this.#size + FOOTER);
    let at = 1;
    for (const piece of this.#pieces) {
      payload.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    return payload;
  }
}

/** Bytes that a string has in an RDB, by its beginning; undefined where that does not say. */
function sizeOfString(start: Uint8Array): number | undefined {
  const cursor = new Cursor(0);
  cursor.push(start);
  const rest = cursor.stringLength();
  return cursor.short || rest > MOST_AHEAD ? undefined : cursor.position + rest;
}

function beyond(size: number): RdbError {
  return new RdbError('MISUSE', 0, `the value has ${size} bytes, not the announced length`);
}
