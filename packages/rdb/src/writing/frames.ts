import { bytesOfText } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { ModuleId, RdbFrame } from '../format/events.ts';
import { OPCODE } from '../format/opcodes.ts';
import { headerText } from '../format/versions.ts';
import type { RdbLoss, WritableKey } from './events.ts';
import type { Output } from './output.ts';
import { checkedTime, moduleNumberOf } from './shapes.ts';
import { can, type RdbTarget } from './target.ts';

/** Bytes of the name of an import of slots. */
const JOB_LENGTH = 40;

type WritableFrame = Exclude<RdbFrame, { type: 'header' | 'key' | 'key-end' | 'end' }>;

/** Writes what stands outside of values. */
export class FrameWriter {
  readonly #out: Output;
  readonly #target: RdbTarget;
  readonly #lose: (what: RdbLoss['what']) => void;
  /** The database that keys are in: 0 until another is told. */
  #database = 0;

  /** `lose`: called for what the target has no form of, and there is no need to do without. */
  constructor(out: Output, target: RdbTarget, lose: (what: RdbLoss['what']) => void) {
    this.#out = out;
    this.#target = target;
    this.#lose = lose;
  }

  header(): void {
    this.#text(headerText(this.#target));
  }

  write(frame: WritableFrame): void {
    const target = this.#target;
    switch (frame.type) {
      case 'database':
        this.#select(frame.database);
        break;
      case 'aux':
        if (can(target, 'aux')) this.#aux(frame.key, frame.value);
        break;
      case 'sizes':
        if (can(target, 'sizes')) this.#numbers(OPCODE.resizeDatabase, frame.keys, frame.expires);
        break;
      case 'slot':
        if (can(target, 'slots')) {
          this.#numbers(OPCODE.slotInfo, frame.slot, frame.keys, frame.expires);
        }
        break;
      case 'function':
        if (can(target, 'functions')) this.#function(frame.code);
        else this.#lose('function');
        break;
      case 'module-aux':
        if (can(target, 'moduleAux')) this.#moduleAux(frame.module, frame.bytes);
        else this.#lose('module-aux');
        break;
      case 'slot-import':
        if (target.magic === 'VALKEY') this.#slotImport(frame.job, frame.ranges);
        else this.#lose('slot-import');
    }
  }

  /** What is told of a key before its type: its database where that is another, and more. */
  keyInfo({ database, expiresAt, idle, frequency, metadata }: WritableKey): void {
    const out = this.#out;
    if (database !== undefined && database !== this.#database) this.#select(database);
    if (expiresAt !== undefined) {
      out.u8(OPCODE.expireMilliseconds);
      out.i64(checkedTime(expiresAt));
    }
    if (metadata !== undefined) this.#metadata(metadata);
    if (!can(this.#target, 'idle')) return;
    if (idle !== undefined) this.#numbers(OPCODE.idle, idle);
    if (frequency !== undefined) {
      if (!(frequency >= 0 && frequency <= 255))
        throw invalid(`${frequency} is not a frequency of 0 to 255`);
      out.u8(OPCODE.frequency);
      out.u8(frequency);
    }
  }

  #metadata(metadata: Uint8Array): void {
    if (can(this.#target, 'metadata')) {
      this.#out.u8(OPCODE.keyMetadata);
      this.#out.append(metadata);
    } else this.#lose('metadata');
  }

  #select(database: number): void {
    this.#numbers(OPCODE.selectDatabase, database);
    this.#database = database;
  }

  #aux(key: string, value: string): void {
    this.#out.u8(OPCODE.aux);
    this.#out.string(bytesOf(key));
    this.#out.string(bytesOf(value));
  }

  #function(code: Uint8Array): void {
    this.#out.u8(OPCODE.function);
    this.#out.string(code);
  }

  #moduleAux(module: ModuleId, bytes: Uint8Array): void {
    this.#out.u8(OPCODE.moduleAux);
    this.#out.number(moduleNumberOf(module));
    this.#out.append(bytes);
  }

  #slotImport(job: string, ranges: readonly (readonly [number, number])[]): void {
    if (job.length !== JOB_LENGTH)
      throw invalid(`the name of a slot import has ${JOB_LENGTH} bytes`);
    this.#out.u8(OPCODE.slotImport);
    this.#text(job);
    this.#out.number(ranges.length);
    for (const [first, last] of ranges) {
      this.#out.number(first);
      this.#out.number(last);
    }
  }

  #numbers(opcode: number, ...numbers: readonly number[]): void {
    this.#out.u8(opcode);
    for (const number of numbers) this.#out.number(number);
  }

  #text(text: string): void {
    this.#out.append(bytesOf(text));
  }
}

/** One byte a character. @throws {RdbError} `INVALID_VALUE` */
function bytesOf(text: string): Uint8Array {
  for (const character of text) {
    if (character > '\xff') throw invalid(`${JSON.stringify(character)} is more than a byte`);
  }
  return bytesOfText(text);
}

function invalid(message: string): RdbError {
  return new RdbError('INVALID_VALUE', 0, message);
}
