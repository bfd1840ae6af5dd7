import { Cursor } from '../bytes/cursor.ts';
import { quotedKey } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbMagic } from '../format/events.ts';
import { OPCODE } from '../format/opcodes.ts';
import { CHECKSUM_SINCE, NEWEST_VERSION } from '../format/versions.ts';
import { FIRST_OPCODE, FrameReader, KEY_METADATA, MODULE_AUX } from '../reading/frame-reader.ts';
import { HEADER_LENGTH, headerOf } from '../reading/header.ts';
import type { Layout } from '../values/layout.ts';
import { unit } from '../values/layout.ts';
import type { ValueType } from '../values/types.ts';
import { STRING, valueType } from '../values/types.ts';
import { ValueWalker } from '../values/walker.ts';
import { Findings } from './findings.ts';
import { KeyCounts } from './key-counts.ts';
import type { Checksum } from './trailing-checksum.ts';
import { CHECKSUM_LENGTH, TrailingChecksum } from './trailing-checksum.ts';
import type { RdbVerdict } from './verdict.ts';

/** What a new verifier may be told. */
export interface RdbVerifierOptions {
  /** Whether bytes may follow the end, as in the first file of an append-only log; false by default. */
  readonly goesOn?: boolean;
}

/** Bytes of the longest string that is held at once: a container that is looked into, or a field. */
const MOST_HELD = 16 * 1024 * 1024;
/** A key up to this many bytes is waited for, so that it can be named. */
const NAMED_KEY = 64 * 1024;
/** Characters of an auxiliary field that are kept, and fields: scripts are among them (before 7.0). */
const LONGEST_FIELD = 1024;
const MOST_FIELDS = 1000;

const KEY: Layout = [unit('S')];

type State = 'header' | 'opcode' | 'key' | 'value' | 'aside' | 'checksum' | 'end' | 'lost';

/**
 * Verifies an RDB as its bytes pass by: structure, types, values, end and checksum. It throws nothing: what
 * is wrong is in the verdict. A damaged value does not end it, nor does one of a type that is not known: then
 * the rest is verified by its checksum alone.
 *
 * It holds no more than one container of 16 MiB, compressed and expanded; of a longer one only the
 * compression is checked. Like a server that loads an RDB, it does not look whether elements or keys come
 * twice.
 */
export class RdbVerifier {
  readonly #goesOn: boolean;
  readonly #cursor = new Cursor(MOST_HELD);
  readonly #frames = new FrameReader(this.#cursor);
  readonly #walker = new ValueWalker(this.#cursor);
  readonly #counts = new KeyCounts();
  readonly #fields = new Map<string, string>();
  readonly #trailing = new TrailingChecksum();
  /** Bytes that the checksum has taken: never more than eight after the end. */
  #summed = 0;
  #state: State = 'header';
  #magic: RdbMagic | undefined;
  #version: number | undefined;
  /** Bytes that were pushed. */
  #pushed = 0;
  /** Where the RDB ends; undefined before. */
  #end: number | undefined;
  #checksum: Checksum | undefined;
  #functions = 0;
  #database = 0;
  readonly #findings = new Findings();
  /** The position of the current key; its name, if its bytes were discarded. */
  #keyAt = 0;
  #keyName: string | undefined;
  #type = 0;
  #layout: ValueType['layout'] = () => [];
  #expires = false;
  readonly #onFault = (error: RdbError): void => {
    this.#findings.addValue(error, this.#placed(error));
  };

  constructor({ goesOn = false }: RdbVerifierOptions = {}) {
    this.#goesOn = goesOn;
  }

  /** Takes the next bytes, which are the caller's again when this returns. */
  push(bytes: Uint8Array): void {
    this.#pushed += bytes.length;
    if (this.#isOver) {
      this.#trailing.push(bytes);
      return;
    }
    const cursor = this.#cursor;
    cursor.push(bytes);
    cursor.short = false;
    try {
      while (!cursor.short && !this.#isOver) this.#step();
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      this.#lose(error);
    }
    this.#pause();
  }

  /** There are no more bytes. */
  finish(): RdbVerdict {
    if (this.#state === 'lost') this.#finishLost();
    else if (this.#state === 'end') this.#finishWhole();
    else this.#finishShort();
    const { keys } = this.#counts;
    return {
      outcome: this.#findings.outcome(this.#checksum),
      checksum: this.#checksum,
      findings: this.#findings.list,
      damagedValues: this.#findings.damagedValues,
      bytes: this.#end ?? this.#pushed,
      after: this.#pushed - (this.#end ?? this.#pushed),
      magic: this.#magic,
      version: this.#version,
      fields: this.#fields,
      keys: this.#state === 'end' ? keys : undefined,
      databases: this.#counts.of(this.#magic ?? 'REDIS'),
      functions: this.#functions,
    };
  }

  #step(): void {
    switch (this.#state) {
      case 'opcode':
        this.#opcode();
        break;
      case 'header':
        this.#header();
        break;
      case 'checksum':
        this.#storedChecksum();
        break;
      default:
        this.#walker.check(this.#onFault);
        if (this.#walker.done) this.#walked();
    }
  }

  #header(): void {
    const bytes = this.#cursor.take(HEADER_LENGTH);
    if (this.#cursor.short) return;
    const { magic, version } = headerOf(bytes);
    this.#frames.magic = magic;
    this.#magic = magic;
    this.#version = version;
    this.#state = 'opcode';
    if (!this.#isNewer) return;
    const newest = NEWEST_VERSION[magic];
    const message = `the RDB has version ${version}; forebay knows versions up to ${newest}`;
    this.#findings.add('unreadable', magic.length, message);
  }

  #opcode(): void {
    const cursor = this.#cursor;
    const start = cursor.position;
    const isAux = this.#frames.insideAux;
    const opcode = isAux ? OPCODE.aux : cursor.u8();
    if (cursor.short) return;
    const type = opcode < FIRST_OPCODE ? valueType(this.#magic!, opcode) : undefined;
    if (type !== undefined) this.#key(opcode, type, start);
    else {
      if (!isAux) cursor.moveTo(start);
      this.#frame(opcode);
    }
  }

  #frame(opcode: number): void {
    const frame = this.#frames.next();
    if (this.#cursor.short) return;
    if (opcode === OPCODE.expireMilliseconds || opcode === OPCODE.expireSeconds) {
      this.#expires = true;
    }
    switch (frame?.type) {
      case 'database':
        this.#database = frame.database;
        this.#counts.select(frame.database);
        break;
      case 'aux':
        this.#keepField(frame.key, frame.value);
        break;
      case 'function':
        this.#functions++;
        break;
      case 'module-values':
        this.#aside(MODULE_AUX);
        break;
      case 'key-metadata':
        this.#aside(KEY_METADATA);
        break;
      case 'checksum':
        this.#ended();
        break;
    }
  }

  #keepField(key: string, value: string): void {
    if (key.length > LONGEST_FIELD) return;
    if (this.#fields.size >= MOST_FIELDS && !this.#fields.has(key)) return;
    // A copy: a slice of a string keeps all of it in memory.
    const kept = value.length > LONGEST_FIELD ? [...value.slice(0, LONGEST_FIELD)].join('') : value;
    this.#fields.set(key, kept);
  }

  #walked(): void {
    if (this.#state === 'key') this.#beginValue();
    else if (this.#state === 'value') this.#valueRead();
    else this.#state = 'opcode';
  }

  /** What modules tell beside values. */
  #aside(layout: Layout): void {
    this.#walker.begin(layout);
    this.#state = 'aside';
  }

  /** A key begins, and its type has been read. */
  #key(number: number, type: ValueType, start: number): void {
    const cursor = this.#cursor;
    const at = cursor.position;
    const length = cursor.stringLength();
    if (cursor.short || (length > cursor.available && length <= NAMED_KEY)) {
      cursor.short = true;
      cursor.moveTo(start);
      return;
    }
    this.#type = number;
    this.#layout = type.layout;
    this.#keyAt = at;
    this.#keyName = length > NAMED_KEY ? 'with a long name' : undefined;
    if (cursor.expandsTo === undefined && length <= cursor.available) {
      cursor.skip(length);
      this.#beginValue();
    } else {
      cursor.moveTo(at);
      this.#walker.begin(KEY);
      this.#state = 'key';
    }
  }

  #beginValue(): void {
    const cursor = this.#cursor;
    this.#state = 'value';
    if (this.#type === STRING) {
      // Most values are plain strings, and all there.
      const start = cursor.position;
      const length = cursor.stringLength();
      if (!cursor.short && cursor.expandsTo === undefined && length <= cursor.available) {
        cursor.skip(length);
        this.#valueRead();
        return;
      }
      cursor.short = false;
      cursor.moveTo(start);
    }
    this.#walker.begin(this.#layout());
  }

  #valueRead(): void {
    this.#counts.add(this.#type, this.#expires);
    this.#expires = false;
    this.#state = 'opcode';
  }

  /** The opcode of the end was read. */
  #ended(): void {
    this.#state = 'checksum';
    if (this.#version! >= CHECKSUM_SINCE) return;
    this.#checksum = 'absent';
    this.#end = this.#cursor.position;
    this.#state = 'end';
  }

  #storedChecksum(): void {
    const cursor = this.#cursor;
    const { position } = cursor;
    cursor.take(CHECKSUM_LENGTH);
    if (cursor.short) return;
    this.#sum(cursor.position);
    this.#checksum = this.#trailing.result;
    if (this.#checksum === 'wrong') {
      if (this.#isNewer) {
        // In a newer version this byte may not be the end: the checksum at the last byte decides.
        this.#state = 'lost';
        return;
      }
      this.#findings.addChecksum(this.#trailing, position);
    }
    this.#end = cursor.position;
    this.#state = 'end';
  }

  /** The structure cannot be followed from here on: what that means is known at the end. */
  #lose(error: RdbError): void {
    const isUnreadable =
      error.code === 'UNKNOWN_TYPE' || error.code === 'TOO_LONG' || this.#isNewer;
    this.#findings.add(isUnreadable ? 'unreadable' : 'damage', error.position, this.#placed(error));
    this.#state = 'lost';
  }

  #finishWhole(): void {
    const end = this.#end!;
    const after = this.#pushed - end;
    if (after === 0 || this.#goesOn) return;
    if (this.#isNewer) {
      this.#state = 'lost';
      this.#end = undefined;
      this.#finishLost();
      return;
    }
    const message = `${after} bytes follow the end of the RDB at byte ${end}`;
    this.#findings.add('damage', end, message);
  }

  #finishLost(): void {
    if (this.#version === undefined) return;
    const { opcode, stored, result } = this.#trailing;
    const isSummed = this.#version >= CHECKSUM_SINCE;
    if ((isSummed ? opcode : stored.at(-1)) !== OPCODE.end) {
      const message = `the RDB ends at byte ${this.#pushed}, before its end`;
      this.#findings.add('damage', this.#pushed, message);
      return;
    }
    this.#checksum = isSummed ? result : 'absent';
    const position = this.#pushed - CHECKSUM_LENGTH;
    if (this.#checksum === 'wrong') this.#findings.addChecksum(this.#trailing, position);
  }

  #finishShort(): void {
    if (this.#isNewer) {
      // In a newer version a length may stand elsewhere: the checksum decides.
      this.#finishLost();
      return;
    }
    const where = this.#state === 'value' ? `, in the value of ${this.#keyNamed()}` : '';
    const message = `the RDB ends at byte ${this.#pushed}, before its end${where}`;
    this.#findings.add('damage', this.#pushed, message);
  }

  /** What is wrong, and with which key. */
  #placed({ message }: RdbError): string {
    return this.#state === 'value' ? `${this.#keyNamed()}: ${message}` : message;
  }

  #keyNamed(): string {
    this.#keyName ??= this.#readName();
    return `key ${this.#keyName} of database ${this.#database}`;
  }

  /** The name of the key, while its bytes are available. */
  #readName(): string {
    const cursor = this.#cursor;
    const { position, short } = cursor;
    try {
      cursor.short = false;
      cursor.moveTo(this.#keyAt);
      return quotedKey(cursor.string());
    } catch {
      return 'with a damaged name';
    } finally {
      cursor.moveTo(position);
      cursor.short = short;
    }
  }

  /** The bytes are the caller's again. */
  #pause(): void {
    const cursor = this.#cursor;
    if (this.#state === 'value') this.#keyName ??= this.#readName();
    const end = cursor.position + cursor.available;
    this.#sum(end);
    cursor.keep(this.#isOver ? end : cursor.position);
  }

  #sum(end: number): void {
    if (end <= this.#summed) return;
    this.#trailing.push(this.#cursor.between(this.#summed, end));
    this.#summed = end;
  }

  /** Whether the rest is not looked at, other than by the checksum. */
  get #isOver(): boolean {
    return this.#state === 'end' || this.#state === 'lost';
  }

  get #isNewer(): boolean {
    return this.#version !== undefined && this.#version > NEWEST_VERSION[this.#magic!];
  }
}
