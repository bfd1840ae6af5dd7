import type { Cursor } from '../bytes/cursor.ts';
import { quotedKey, textOf } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { ModuleId, RdbFrame, RdbKey, RdbMagic } from '../format/events.ts';
import { OPCODE } from '../format/opcodes.ts';
import type { Layout } from '../values/layout.ts';
import { repeat, unit } from '../values/layout.ts';
import { moduleIdOf, moduleValues } from '../values/module.ts';
import { valueType } from '../values/types.ts';

/** What begins at an opcode: told as it is, or to be gone through first. */
export type Frame =
  | Exclude<RdbFrame, { type: 'header' | 'module-aux' | 'key-end' | 'end' }>
  | { readonly type: 'module-values'; readonly module: ModuleId }
  | { readonly type: 'key-metadata' }
  | { readonly type: 'checksum' };

const SLOTS = 16_384;
/** Numbers from here on are no types of values: servers give them to opcodes, from 255 downwards. */
export const FIRST_OPCODE = 0xf0;

/** How the bytes follow each other that come after `module-values`. */
export const MODULE_AUX: Layout = [moduleValues];
/** The same after `key-metadata`: class and value of each (Redis since 8.6). */
export const KEY_METADATA: Layout = [repeat(unit('W'), moduleValues)];

/** Reads what stands outside of the values, and keeps what is told of a key before it. */
export class FrameReader {
  readonly #cursor: Cursor;
  /** Of which the numbers are that follow. */
  magic: RdbMagic = 'REDIS';
  /** How the value is laid out of the key told of last. */
  layout: Layout = [];
  /** The key of an auxiliary field whose value is to come. */
  #auxKey: string | undefined;
  #database = 0;
  #expiresAt: number | undefined;
  #idle: number | undefined;
  #frequency: number | undefined;
  /** Of the key to come; bytes that last until then. */
  metadata: Uint8Array | undefined;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** Whether the key of an auxiliary field was read and its value is next. */
  get insideAux(): boolean {
    return this.#auxKey !== undefined;
  }

  /**
   * The next; undefined where it was of the key to come, or where the cursor is short: then it stays where
   * it was, and nothing is changed.
   *
   * @throws {RdbError} `CORRUPT`, `TOO_LONG`, `UNKNOWN_TYPE`
   */
  next(): Frame | undefined {
    const cursor = this.#cursor;
    const start = cursor.position;
    const frame =
      this.#auxKey === undefined ? this.#read(cursor.u8(), start) : this.#aux(this.#auxKey);
    if (cursor.short) cursor.moveTo(start);
    return frame;
  }

  #read(opcode: number, start: number): Frame | undefined {
    const cursor = this.#cursor;
    switch (opcode) {
      case OPCODE.expireMilliseconds: {
        const time = cursor.i64();
        if (!cursor.short) this.#expiresAt = time;
        return undefined;
      }
      case OPCODE.expireSeconds: {
        const time = cursor.i32();
        if (!cursor.short) this.#expiresAt = time * 1000;
        return undefined;
      }
      case OPCODE.idle: {
        const idle = cursor.length();
        if (!cursor.short) this.#idle = idle;
        return undefined;
      }
      case OPCODE.frequency: {
        const frequency = cursor.u8();
        if (!cursor.short) this.#frequency = frequency;
        return undefined;
      }
      case OPCODE.selectDatabase: {
        const database = cursor.length();
        if (cursor.short) return undefined;
        this.#database = database;
        return { type: 'database', database };
      }
      case OPCODE.resizeDatabase: {
        const [keys, expires] = [cursor.length(), cursor.length()];
        return cursor.short ? undefined : { type: 'sizes', keys, expires };
      }
      case OPCODE.slotInfo: {
        const [slot, keys, expires] = [cursor.length(), cursor.length(), cursor.length()];
        return cursor.short ? undefined : { type: 'slot', slot, keys, expires };
      }
      case OPCODE.aux: {
        // The key is read before its value is there: what is compressed is expanded once.
        const key = cursor.string();
        if (!cursor.short) this.#auxKey = textOf(key);
        return undefined;
      }
      case OPCODE.function: {
        const code = cursor.string();
        return cursor.short ? undefined : { type: 'function', code };
      }
      case OPCODE.moduleAux: {
        const id = cursor.bigLength();
        if (cursor.short) return undefined;
        return { type: 'module-values', module: moduleIdOf(id) };
      }
      case OPCODE.slotImport:
        if (this.magic === 'VALKEY') return this.#slotImport();
        return { type: 'key-metadata' };
      case OPCODE.end:
        return { type: 'checksum' };
      default:
        return this.#key(opcode, start);
    }
  }

  #aux(key: string): Frame | undefined {
    const value = this.#cursor.string();
    if (this.#cursor.short) return undefined;
    this.#auxKey = undefined;
    return { type: 'aux', key, value: textOf(value) };
  }

  #key(number: number, position: number): RdbKey | undefined {
    const cursor = this.#cursor;
    if (cursor.short) return undefined;
    const found = valueType(this.magic, number);
    if (found === undefined && number >= FIRST_OPCODE) {
      const message = `opcode ${number}, which is unknown, at byte ${position}`;
      throw new RdbError('UNKNOWN_TYPE', position, message);
    }
    const key = cursor.string();
    if (cursor.short) return undefined;
    if (found === undefined) throw unknownType(number, key, position);
    const { dataType, encoding, layout } = found;
    this.layout = layout();
    const event: RdbKey = {
      type: 'key',
      database: this.#database,
      key,
      dataType,
      encoding,
      valueType: number,
      expiresAt: this.#expiresAt,
      idle: this.#idle,
      frequency: this.#frequency,
      metadata: this.metadata,
      position,
    };
    this.#expiresAt = undefined;
    this.#idle = undefined;
    this.#frequency = undefined;
    this.metadata = undefined;
    return event;
  }

  #slotImport(): Frame | undefined {
    const cursor = this.#cursor;
    const job = cursor.take(40);
    const count = cursor.length();
    if (count > SLOTS) throw cursor.corrupt(`${count} ranges of slots`);
    const ranges: [number, number][] = [];
    while (ranges.length < count && !cursor.short) ranges.push([cursor.length(), cursor.length()]);
    return cursor.short ? undefined : { type: 'slot-import', job: textOf(job), ranges };
  }
}

function unknownType(number: number, key: Uint8Array, position: number): RdbError {
  const message = `key ${quotedKey(key)} has a value of type ${number}, which is unknown, at byte ${position}`;
  return new RdbError('UNKNOWN_TYPE', position, message);
}
