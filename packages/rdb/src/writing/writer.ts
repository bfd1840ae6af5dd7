import { Crc64 } from '../bytes/crc64.ts';
import { DEFAULT_MAX_LENGTH } from '../bytes/cursor.ts';
import { textOf } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import { OPCODE } from '../format/opcodes.ts';
import { misuse } from './assembly.ts';
import type { RdbLoss, WritableEvent, WritableKey } from './events.ts';
import { FrameWriter } from './frames.ts';
import { KeyWriter } from './key-writer.ts';
import { Output } from './output.ts';
import { can, checkTarget, type RdbTarget } from './target.ts';

/** What a new writer may be told, besides what it writes for. */
export interface RdbWriterOptions {
  /** Whether strings of more than 20 bytes are compressed, as `rdbcompression` has it; true by default. */
  readonly compress?: boolean;
  /**
   * The most that is held of a value, in bytes as they stand in an RDB: of a part whose count is not told,
   * and of a node; 0 to 2^32 - 1, 512 MiB by default.
   */
  readonly maxHeld?: number;
  /**
   * Told of each thing that the target cannot say, which is left out then. Without it such a thing is an
   * error.
   */
  readonly onLoss?: (loss: RdbLoss) => void;
}

/**
 * Writes an RDB that servers of a version load (`rdb.c: rdbSaveRio`), out of the events of a reader or of
 * what is like them. What was written is to be taken now and then, and once after `end`.
 *
 * Every value is written in its plain encoding, and one given raw as it is. What stands in an event is used
 * up when `write` returns. The count of a collection stands before its elements: where it is told by a
 * `count`, as readers tell it, elements pass through; where not, those of one key are held. An error is
 * final: each later call of `write` throws it again.
 */
export class RdbWriter {
  readonly target: RdbTarget;
  readonly #onLoss: RdbWriterOptions['onLoss'];
  readonly #out: Output;
  readonly #frames: FrameWriter;
  readonly #keys: KeyWriter;
  readonly #crc = new Crc64();
  #failure: RdbError | undefined;
  #done = false;
  #taken = 0;
  /** How much of what is not taken is in the checksum. */
  #summed = 0;

  /** @throws {RdbError} `INVALID_OPTION` */
  constructor(
    target: RdbTarget,
    { compress = true, maxHeld = DEFAULT_MAX_LENGTH, onLoss }: RdbWriterOptions = {},
  ) {
    checkTarget(target);
    if (!Number.isInteger(maxHeld) || maxHeld < 0 || maxHeld > 0xffffffff) {
      throw new RdbError('INVALID_OPTION', 0, `a maxHeld of ${maxHeld} cannot be kept`);
    }
    this.target = { magic: target.magic, version: target.version };
    this.#onLoss = onLoss;
    const held = { compress, longLengths: can(target, 'longLengths'), limit: maxHeld };
    const lose = (what: RdbLoss['what']): void => this.#lose(what);
    this.#out = new Output({ ...held, limit: Number.POSITIVE_INFINITY });
    this.#frames = new FrameWriter(this.#out, this.target, lose);
    this.#keys = new KeyWriter(this.#out, held, this.target, this.#frames, lose);
    this.#frames.header();
  }

  /** Bytes that were written and not taken; what is held does not count. */
  get pending(): number {
    return this.#out.length;
  }

  /** How many bytes the RDB has so far, taken or not. */
  get position(): number {
    return this.#taken + this.#out.length;
  }

  /** Whether `end` was written. */
  get done(): boolean {
    return this.#done;
  }

  /** What was written since the last call, which is the caller's from now on. */
  take(): Uint8Array {
    this.#sum();
    this.#summed = 0;
    this.#taken += this.#out.length;
    return this.#out.take();
  }

  /**
   * Whether the target reads the value of a key just as it stands where it was read, so that it can be given
   * `raw`. False where `valueType` is not told.
   */
  takesRaw(key: WritableKey): boolean {
    return this.#keys.takesRaw(key);
  }

  /**
   * Writes what is next.
   *
   * - `header`, which says of what version the RDB is that is read from then on. That of the target is
   *   written without it.
   * - `aux`, `sizes`, `slot`, and of keys `idle` and `frequency`, which are hints, are left out where the
   *   target has none.
   * - `key`, then its value as elements or `raw`, then `key-end`.
   * - `end`, which writes the checksum.
   *
   * @throws {RdbError} `UNSUPPORTED`, `TOO_LONG`, `INVALID_VALUE`; `MISUSE` where the event cannot come
   */
  write(event: WritableEvent): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#write(event);
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      this.#failure = this.#placed(error);
      throw this.#failure;
    }
  }

  #write(event: WritableEvent): void {
    switch (event.type) {
      case 'key':
        this.#requireNoKey(event.type);
        this.#keys.begin(event);
        break;
      case 'key-end':
        this.#keys.end();
        break;
      case 'raw':
        this.#keys.raw(event.bytes);
        break;
      case 'header':
        this.#requireNoKey(event.type);
        this.#keys.sourceMagic = event.magic;
        break;
      case 'aux':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
      case 'function':
      case 'module-aux':
        this.#requireNoKey(event.type);
        this.#frames.write(event);
        break;
      case 'end':
        this.#requireNoKey(event.type);
        this.#end();
        break;
      case 'container':
        throw misuse('a container is not taken apart: read at the level elements or raw');
      case 'long':
      case 'piece':
      case 'long-end': {
        const message = 'a string in pieces: read it at the level raw, or with a larger maxLength';
        throw new RdbError('UNSUPPORTED', 0, message);
      }
      default:
        this.#keys.element(event);
    }
  }

  #end(): void {
    this.#out.u8(OPCODE.end);
    this.#sum();
    this.#out.append(this.#crc.digest());
    this.#summed = this.#out.length;
    this.#done = true;
  }

  #requireNoKey(type: string): void {
    if (this.#done || this.#keys.isOpen) throw misuse(`${type} cannot come here`);
  }

  #sum(): void {
    if (this.#summed < this.#out.length) this.#crc.push(this.#out.bytes.subarray(this.#summed));
    this.#summed = this.#out.length;
  }

  #lose(what: RdbLoss['what']): void {
    const current = this.#keys.current;
    if (this.#onLoss !== undefined) {
      this.#onLoss({ key: current?.name.slice(), what });
      return;
    }
    const { magic, version } = this.target;
    const type = what === 'key' ? `the type ${current?.key.dataType}` : what;
    throw new RdbError('UNSUPPORTED', 0, `${magic} ${version} has no form of ${type}`);
  }

  /** The same error, with how far the RDB was, and in which key. */
  #placed({ code, message }: RdbError): RdbError {
    const current = this.#keys.current;
    const name = current === undefined ? '' : textOf(current.name.subarray(0, 100));
    const where = current === undefined ? '' : `, in key ${JSON.stringify(name)}`;
    return new RdbError(code, this.position, `${message}${where}`);
  }
}
