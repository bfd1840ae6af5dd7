import { Crc64 } from '../bytes/crc64.ts';
import type { KeySelection, RdbEvent, RdbKey } from '../format/events.ts';
import { OPCODE } from '../format/opcodes.ts';
import { CHECKSUM_SINCE } from '../format/versions.ts';
import { RdbReader } from '../reading/reader.ts';
import type { Range } from './key-selection.ts';
import { PassingBytes } from './passing-bytes.ts';

export interface RdbFilterOptions {
  /** The keys to keep; all by default. */
  readonly selects?: KeySelection;
  /** Range of the size of a kept value in the RDB, in bytes; any by default. */
  readonly size?: Range | undefined;
  /** Whether functions are kept; true by default. */
  readonly functions?: boolean;
  /** Whether data of modules outside keys is kept; true by default. */
  readonly moduleAux?: boolean;
}

/**
 * Auxiliary fields that are not true of a part. A server that is started as a replica asks to go on from the
 * position (`server.c: loadDataFromDisk`), and is granted it; `slot-info` is of Valkey what `slot` is of Redis.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'repl-id',
  'repl-offset',
  'repl-stream-db',
  'slot-info',
]);

const NOTHING: readonly Uint8Array[] = [];

/**
 * Writes a smaller RDB while the bytes of an RDB are pushed. The version and the bytes of kept data are unchanged; the
 * checksum is new. The replication id and offset are left out, because they are wrong for a part of the data set, and
 * so are the numbers of keys. Memory: that of a reader; with `size` also a value until its size is known.
 */
export class RdbFilter {
  /** Reads the RDB: pass its bytes to `push`, and each of its events to `take`. */
  readonly reader: RdbReader = new RdbReader({ level: 'raw' });
  readonly #selects: KeySelection;
  readonly #size: Range;
  readonly #functions: boolean;
  readonly #moduleAux: boolean;
  readonly #crc = new Crc64();
  readonly #bytes = new PassingBytes();
  #version = 0;
  /** The bytes that select the database, until a key of it is kept. */
  #select: Uint8Array | undefined;
  /** What is done with bytes that the reader has not passed: of a value too large or not wanted, say. */
  #mode: 'hold' | 'copy' | 'drop' = 'hold';
  #isInValue = false;
  #valueStart = 0;
  #kept = 0;
  #seen = 0;
  #written = 0;

  constructor({ selects, size, functions = true, moduleAux = true }: RdbFilterOptions = {}) {
    this.#selects = selects ?? (() => true);
    this.#size = size ?? { from: 0, to: Number.POSITIVE_INFINITY };
    this.#functions = functions;
    this.#moduleAux = moduleAux;
  }

  /** Number of keys kept so far. */
  get kept(): number {
    return this.#kept;
  }

  /** Number of keys read so far. */
  get seen(): number {
    return this.#seen;
  }

  /** Number of bytes returned so far. */
  get written(): number {
    return this.#written;
  }

  /** Takes the next bytes of the RDB, and pushes them to the reader; they must not change before `drained`. */
  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
    this.#bytes.push(chunk);
  }

  /** Takes the next event of the reader, and returns bytes to write: views that are valid until `drained`. */
  take(event: RdbEvent): readonly Uint8Array[] {
    const { position } = this.reader;
    switch (event.type) {
      case 'key':
        this.#begin(event, position);
        return NOTHING;
      case 'key-end':
        return this.#end(event.size, position);
      case 'header':
        this.#version = event.version;
        return this.#pass(position);
      case 'aux':
        return this.#passIf(!LEFT_OUT.has(event.key), position);
      case 'function':
        return this.#passIf(this.#functions, position);
      case 'module-aux':
        return this.#passIf(this.#moduleAux, position);
      case 'slot-import':
        return this.#pass(position);
      case 'database':
        this.#select = joined(this.#bytes.take(position));
        return NOTHING;
      case 'end':
        return this.#finish();
      default:
        return this.#passIf(false, position);
    }
  }

  /** Call it when the reader has no more events of the chunk; returns bytes to write: views of the chunk. */
  drained(): readonly Uint8Array[] {
    const { end } = this.#bytes;
    if (this.reader.done) return NOTHING;
    let passed = NOTHING;
    if (this.#isInValue) {
      const size = end - this.#valueStart;
      const { from, to } = this.#size;
      if (this.#mode === 'hold' && size > to) this.#mode = 'drop';
      const select =
        this.#mode === 'hold' && size >= from && to === Number.POSITIVE_INFINITY
          ? this.#keep()
          : NOTHING;
      if (this.#mode === 'copy') passed = [...select, ...this.#pass(end)];
      if (this.#mode === 'drop') this.#bytes.drop(end);
    }
    this.#bytes.hold();
    return passed;
  }

  #begin(key: RdbKey, position: number): void {
    this.reader.skip();
    this.#seen++;
    this.#isInValue = true;
    this.#valueStart = position;
    this.#mode = this.#selects(key) ? 'hold' : 'drop';
  }

  #end(size: number, position: number): readonly Uint8Array[] {
    this.#isInValue = false;
    const { from, to } = this.#size;
    const select = this.#mode === 'hold' && size >= from && size <= to ? this.#keep() : NOTHING;
    const isKept = this.#mode === 'copy';
    this.#mode = 'hold';
    if (!isKept) return this.#passIf(false, position);
    const passed = this.#pass(position);
    return select.length === 0 ? passed : [...select, ...passed];
  }

  /** Keeps the key. Returns the bytes that select its database, if they were not returned yet. */
  #keep(): readonly Uint8Array[] {
    this.#mode = 'copy';
    this.#kept++;
    const select = this.#select;
    if (select === undefined) return NOTHING;
    this.#select = undefined;
    return this.#summed([select]);
  }

  #passIf(isKept: boolean, to: number): readonly Uint8Array[] {
    if (isKept) return this.#pass(to);
    this.#bytes.drop(to);
    return NOTHING;
  }

  #pass(to: number): readonly Uint8Array[] {
    return this.#summed(this.#bytes.take(to));
  }

  #finish(): readonly Uint8Array[] {
    const end = this.#summed([Uint8Array.of(OPCODE.end)]);
    if (this.#version < CHECKSUM_SINCE) return end;
    const checksum = this.#crc.digest();
    this.#written += checksum.length;
    return [...end, checksum];
  }

  #summed(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    for (const piece of pieces) {
      this.#crc.push(piece);
      this.#written += piece.length;
    }
    return pieces;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
