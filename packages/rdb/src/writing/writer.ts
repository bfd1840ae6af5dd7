import { Crc64 } from '../crc64.ts';
import { RdbError } from '../errors.ts';
import { OPCODE } from '../opcodes.ts';
import { DEFAULT_MAX_LENGTH } from '../reading/cursor.ts';
import type { RdbElement, RdbMagic } from '../reading/events.ts';
import { textOf } from '../text.ts';
import { Assembly } from './assembly.ts';
import type { RdbLoss, WritableEvent, WritableKey } from './events.ts';
import { FrameWriter } from './frames.ts';
import { Output } from './output.ts';
import { hasPlace, type Plan, Planner } from './plan.ts';
import { can, checkTarget, type RdbTarget, reads } from './target.ts';

/** What a new writer may be told, besides what it writes for. */
export interface RdbWriterOptions {
  /** Whether strings of more than 20 bytes are compressed, as `rdbcompression` has it; true by default. */
  readonly compress?: boolean;
  /**
   * The most that is held of a value whose counts are not told, in bytes as they stand in an RDB; 0 to
   * 2^32 - 1, 512 MiB by default.
   */
  readonly maxHeld?: number;
  /**
   * Told of each thing that the target cannot say, which is left out then. Without it such a thing is an
   * error.
   */
  readonly onLoss?: (loss: RdbLoss) => void;
}

/** How the value is written that is written now; `key`: nothing of it has come. */
type State = 'frames' | 'key' | 'raw' | 'elements' | 'left-out' | 'end';

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
  readonly #assembly: Assembly;
  readonly #planner: Planner;
  readonly #crc = new Crc64();
  /** The name of the key that is written, for its event may be gone when it is needed. */
  readonly #name: Output;
  #key: WritableKey | undefined;
  #plan: Plan | undefined;
  #state: State = 'frames';
  #failure: RdbError | undefined;
  /** What the numbers of types mean that come with keys. */
  #sourceMagic: RdbMagic;
  #taken = 0;
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
    const { magic, version } = target;
    this.target = { magic, version };
    this.#sourceMagic = magic;
    this.#onLoss = onLoss;
    const options = { compress, longLengths: can(target, 'longLengths'), limit: maxHeld };
    this.#out = new Output({ ...options, limit: Number.POSITIVE_INFINITY });
    this.#name = new Output({ ...options, limit: Number.POSITIVE_INFINITY }, 256);
    this.#assembly = new Assembly(this.#out, options);
    this.#planner = new Planner(target, options);
    this.#frames = new FrameWriter(this.#out, target, (what) => this.#lose(what));
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
    return this.#state === 'end';
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
   * `raw`.
   */
  takesRaw({ valueType }: WritableKey): boolean {
    return valueType !== undefined && reads(this.target, this.#sourceMagic, valueType);
  }

  /**
   * Writes what is next.
   *
   * - `header`, which may come first: of what version the RDB is that is read. That of the target is
   *   written without it.
   * - `aux`, `sizes`, `slot`, `idle` and `frequency`, which are hints, are left out where the target has
   *   none.
   * - `key`, then its value as elements or `raw`, then `key-end`.
   *
   * @throws {RdbError} `UNSUPPORTED`, `TOO_LONG`, `INVALID_VALUE`; `MISUSE` where the event cannot come
   */
  write(event: WritableEvent): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#write(event);
    } catch (error) {
      this.#failure = error instanceof RdbError ? this.#placed(error) : undefined;
      throw this.#failure ?? error;
    }
  }

  #write(event: WritableEvent): void {
    switch (event.type) {
      case 'key':
        this.#begin(event);
        break;
      case 'key-end':
        this.#endKey();
        break;
      case 'raw':
        this.#raw(event.bytes);
        break;
      case 'header':
        this.#requireFrames(event.type);
        this.#sourceMagic = event.magic;
        break;
      case 'aux':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
      case 'function':
      case 'module-aux':
        this.#requireFrames(event.type);
        this.#frames.write(event);
        break;
      case 'end':
        this.#end();
        break;
      case 'container':
        throw misuse('a container is not taken apart: read at the level elements or raw');
      default:
        this.#element(event);
    }
  }

  /** Its type is not written yet, which may depend on how its value comes. */
  #begin(key: WritableKey): void {
    this.#requireFrames('key');
    this.#name.clear();
    this.#name.append(key.key);
    this.#key = key;
    this.#state = 'key';
  }

  #head(valueType: number): void {
    this.#frames.keyInfo(this.#key!);
    this.#out.u8(valueType);
    this.#out.string(this.#name.bytes);
  }

  #raw(bytes: Uint8Array): void {
    if (this.#state === 'key') {
      const key = this.#key!;
      if (!this.takesRaw(key)) {
        const { magic, version } = this.target;
        const message = `a raw value of type ${key.valueType} is not what ${magic} ${version} reads`;
        throw new RdbError('UNSUPPORTED', 0, message);
      }
      this.#head(key.valueType!);
      this.#state = 'raw';
    }
    if (this.#state !== 'raw') throw misuse('a raw value cannot come here');
    this.#out.append(bytes);
  }

  #element(element: RdbElement): void {
    if (this.#state === 'key') this.#plans(element);
    if (this.#state === 'left-out') return;
    if (this.#state !== 'elements') throw misuse(`${element.type} cannot come here`);
    if (this.#plan?.without !== undefined && !hasPlace(this.#plan, element)) return;
    if (element.type === 'field' && element.expiresAt !== undefined) this.#checkTimes();
    this.#assembly.write(element);
  }

  #plans(first: RdbElement | undefined): void {
    const plan = this.#planner.planOf(this.#key!, first);
    this.#plan = plan;
    if (plan === undefined) {
      this.#lose('key');
      this.#state = 'left-out';
      return;
    }
    if (plan.loses !== undefined) this.#lose(plan.loses);
    this.#head(plan.valueType);
    this.#assembly.begin(plan.shape);
    this.#state = 'elements';
  }

  #checkTimes(): void {
    const plan = this.#plan!;
    if (plan.valueType !== 4 || plan.loses !== undefined) return;
    if (can(this.target, 'fieldTimes')) throw misuse('fieldsExpire was not said of the key');
    this.#lose('field-times');
    this.#plan = { ...plan, loses: 'field-times' };
  }

  #endKey(): void {
    if (this.#state === 'key') this.#plans(undefined);
    if (this.#state === 'elements') this.#assembly.end();
    else if (this.#state !== 'raw' && this.#state !== 'left-out') {
      throw misuse('key-end cannot come here');
    }
    this.#state = 'frames';
    this.#key = undefined;
    this.#plan = undefined;
  }

  #end(): void {
    this.#requireFrames('end');
    this.#out.u8(OPCODE.end);
    this.#sum();
    this.#out.append(this.#crc.digest());
    this.#summed = this.#out.length;
    this.#state = 'end';
  }

  #requireFrames(type: string): void {
    if (this.#state !== 'frames') throw misuse(`${type} cannot come here`);
  }

  #sum(): void {
    if (this.#summed < this.#out.length) this.#crc.push(this.#out.bytes.subarray(this.#summed));
    this.#summed = this.#out.length;
  }

  #lose(what: RdbLoss['what']): void {
    const key = this.#key === undefined ? undefined : this.#name.bytes.slice();
    if (this.#onLoss !== undefined) {
      this.#onLoss({ key, what });
      return;
    }
    const { magic, version } = this.target;
    const type = what === 'key' ? `the type ${this.#key?.dataType}` : what;
    throw new RdbError('UNSUPPORTED', 0, `${magic} ${version} has no form of ${type}`);
  }

  /** The same error, with how far the RDB was, and in which key. */
  #placed({ code, message }: RdbError): RdbError {
    const key = JSON.stringify(textOf(this.#name.bytes.subarray(0, 100)));
    const where = this.#key === undefined ? '' : `, in key ${key}`;
    return new RdbError(code, this.position, `${message}${where}`);
  }
}

function misuse(message: string): RdbError {
  return new RdbError('MISUSE', 0, message);
}
