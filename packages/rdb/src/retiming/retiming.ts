import { bytesOfText } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbEvent, RdbKey, RdbMagic } from '../format/events.ts';
import { headerText, magicOf } from '../format/versions.ts';
import { RdbReader } from '../reading/reader.ts';
import type { WritableEvent, WritableKey } from '../writing/events.ts';
import { restorePayload } from '../writing/restore-payload.ts';
import { RdbWriter } from '../writing/writer.ts';

/**
 * What becomes of the times to live of a data set as of a moment in the past. `drop`: keys and fields that had
 * not expired then do not expire any more; `shift`: the time left is what it was then.
 */
export type TtlMode = 'drop' | 'shift';

export interface RetimingOptions {
  readonly mode: TtlMode;
  /** The moment, milliseconds since 1970. */
  readonly moment: number;
  /** Milliseconds since 1970; what `shift` counts from. */
  readonly now: number;
}

/** The new time of what expires at a time (milliseconds since 1970); undefined: it does not expire. */
export type Retime = (time: number) => number | undefined;

/** Under `drop` what had expired by the moment keeps its time: it was gone, whether deleted or not. */
export function retimeBy({ mode, moment, now }: RetimingOptions): Retime {
  if (mode === 'drop') return (time) => (time <= moment ? time : undefined);
  const later = Math.floor(now - moment);
  return (time) => Math.max(1, time + later);
}

/**
 * Rewrites the times to live of an RDB, of keys and of fields of hashes, as its bytes pass by. All else is
 * written as it stands. The moment is the snapshot's own (`ctime`) unless given. Memory: that of a reader, and
 * a hash with field TTLs if it is one listpack.
 */
export class RdbRetimer {
  readonly #options: Omit<RetimingOptions, 'moment'>;
  readonly #reader = new RdbReader({ level: 'raw', counts: true });
  #moment: number | undefined;
  #retime: Retime | undefined;
  #magic: RdbMagic = 'REDIS';
  #writer: RdbWriter | undefined;

  constructor({ moment, ...options }: Partial<RetimingOptions> & Omit<RetimingOptions, 'moment'>) {
    this.#options = options;
    this.#moment = moment;
  }

  /**
   * Takes the next bytes of the RDB, and gives what is to be written, which is the caller's.
   *
   * @throws {RdbError} those of a reader; `INVALID_OPTION` where no moment is given or found, or the version
   *   cannot be written
   */
  push(chunk: Uint8Array): Uint8Array {
    this.#reader.push(chunk);
    for (let event = this.#reader.next(); event; event = this.#reader.next()) this.#take(event);
    return this.#writer?.take() ?? new Uint8Array(0);
  }

  /** @throws {RdbError} `TRUNCATED` where the RDB is not whole */
  finish(): void {
    this.#reader.finish();
  }

  #take(event: RdbEvent): void {
    if (event.type === 'header') {
      this.#magic = event.magic;
      this.#writer = new RdbWriter({ magic: event.magic, version: event.version });
    }
    const writer = this.#writer;
    if (writer === undefined) return;
    if (event.type === 'key') this.#key(writer, event);
    else writer.write(this.#changed(event));
  }

  #changed(event: Exclude<RdbEvent, { type: 'key' }>): WritableEvent {
    switch (event.type) {
      case 'aux':
        return { ...event, value: this.#auxOf(event.key, event.value) };
      case 'field':
        return { ...event, expiresAt: this.#newTime(event.expiresAt) };
      default:
        return event;
    }
  }

  /** What is shifted is of now: it can be shifted again. */
  #auxOf(key: string, value: string): string {
    if (key !== 'ctime') return value;
    this.#moment ??= Number(value) * 1000;
    return this.#options.mode === 'shift' ? String(Math.floor(this.#options.now / 1000)) : value;
  }

  #key(writer: RdbWriter, key: RdbKey): void {
    const written: WritableKey = { ...key, expiresAt: this.#newTime(key.expiresAt) };
    const isRaw = !hasFieldTimes(this.#magic, key.valueType) && writer.takesRaw(key);
    this.#reader.level = isRaw ? 'raw' : 'elements';
    writer.write(written);
  }

  #newTime(time: number | undefined): number | undefined {
    if (time === undefined) return undefined;
    if (this.#retime === undefined) {
      const moment = this.#moment;
      if (moment === undefined || !Number.isFinite(moment)) {
        const message = 'the RDB does not say when it was made (aux field ctime)';
        throw new RdbError('INVALID_OPTION', 0, message);
      }
      this.#retime = retimeBy({ ...this.#options, moment });
    }
    return this.#retime(time);
  }
}

/** Bytes behind the value: the version, and a checksum. */
const FOOTER = 10;
const NO_CHECKSUM = new Uint8Array(8);

/**
 * The same of a value as `DUMP` gives it and `RESTORE` takes it: fields of hashes have times there. Any other
 * value is returned as it is, and so is what is no payload.
 */
export function retimePayload(payload: Uint8Array, options: RetimingOptions): Uint8Array {
  const end = payload.length - FOOTER;
  if (end < 1) return payload;
  const version = payload[end]! | (payload[end + 1]! << 8);
  const magic = magicOf(version);
  if (!hasFieldTimes(magic, payload[0]!)) return payload;
  const head = [...bytesOfText(headerText({ magic, version })), payload[0]!, 0];
  // An RDB of one key without a name, and no checksum.
  const rdb = [Uint8Array.from(head), payload.subarray(1, end), Uint8Array.of(0xff), NO_CHECKSUM];
  try {
    const retimer = new RdbRetimer(options);
    const value = new RawValue();
    for (const piece of rdb) value.push(retimer.push(piece));
    retimer.finish();
    return restorePayload(value.type, value.bytes, version);
  } catch (error) {
    if (error instanceof RdbError) return payload;
    throw error;
  }
}

/** The value of an RDB's only key, as it stands there. */
class RawValue {
  readonly #reader = new RdbReader({ level: 'raw' });
  readonly #pieces: Uint8Array[] = [];
  type = 0;

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    for (let event = this.#reader.next(); event; event = this.#reader.next()) {
      if (event.type === 'key') this.type = event.valueType;
      if (event.type === 'raw') this.#pieces.push(event.bytes.slice());
    }
  }

  get bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

/** Types of hashes with field TTLs (`rdb.h`): since Redis 7.4, and since Valkey 9.0. */
function hasFieldTimes(magic: RdbMagic, valueType: number): boolean {
  return magic === 'VALKEY' ? valueType === 22 : valueType >= 22 && valueType <= 25;
}
