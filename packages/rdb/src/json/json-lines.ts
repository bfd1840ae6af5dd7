import { bytesOfText } from '../bytes/text.ts';
import type { KeySelection, RdbEvent, RdbKey, RdbLongElement } from '../format/events.ts';
import { RdbReader } from '../reading/reader.ts';
import { Base64 } from './base64.ts';
import { ByteSink, STEP } from './byte-sink.ts';
import type { Piece } from './json-value.ts';
import { JsonValue } from './json-value.ts';

/** Number of bytes that are collected before they are returned. */
const BATCH = 128 * 1024;

const NOTHING: readonly Uint8Array[] = [];

export interface JsonLinesOptions {
  /** The keys to write; all by default. */
  readonly selects?: KeySelection;
  /** Whether data outside keys has lines too, such as the header and functions; false by default. */
  readonly meta?: boolean;
}

/**
 * Writes each key of an RDB, with its value, as a line of JSON, element by element: even if a value has millions of
 * elements, only one of them is in memory.
 */
export class JsonLines {
  /** Reads the RDB: push its bytes, and give each event to `take`. */
  readonly reader: RdbReader = new RdbReader();
  readonly #selects: KeySelection;
  readonly #meta: boolean;
  readonly #sink = new ByteSink(2 * BATCH);
  readonly #value = new JsonValue();
  readonly #base64 = new Base64(this.#sink);
  /** Number of pieces written of an element with a long string. */
  #written = 0;
  readonly #tails: string[] = [];
  #database: number | undefined;
  #head = '';
  #skips = false;
  /** Where the line begins in the collected bytes; -1: its beginning was returned already. */
  #lineStart = 0;

  constructor({ selects = () => true, meta = false }: JsonLinesOptions = {}) {
    this.#selects = selects;
    this.#meta = meta;
  }

  /**
   * Takes the next event of the reader, and returns bytes to write: views that are valid until the next one is
   * requested. Consume all of them before the next call of the reader.
   */
  take(event: RdbEvent): Iterable<Uint8Array> {
    switch (event.type) {
      case 'key':
        return this.#key(event);
      case 'key-end':
        return this.#skips ? NOTHING : this.#endLine(`${this.#value.end()}}\n`);
      case 'header':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
      case 'end':
        return this.#meta ? this.#endLine(`${JSON.stringify(frameOf(event))}\n`) : NOTHING;
      case 'aux': {
        const [key, value] = [bytesOfText(event.key), bytesOfText(event.value)];
        return this.#frame(['{"aux":', key, ',"value":', value, '}\n']);
      }
      case 'function':
        return this.#frame(['{"function":', event.code, '}\n']);
      case 'module-aux': {
        const { name, version } = event.module;
        const head = `{"moduleAux":"${name}","version":${version},"bytes":`;
        return this.#frame([head, event.bytes, '}\n']);
      }
      case 'raw':
      case 'container':
        return NOTHING;
      case 'long':
      case 'piece':
      case 'long-end':
        return this.#long(event);
      default:
        return this.#write(this.#value.piecesOf(event));
    }
  }

  /** The remaining bytes, at the end. After an error an incomplete line is left out. */
  rest(): Uint8Array {
    if (this.#lineStart >= 0) this.#sink.cutTo(this.#lineStart);
    return this.#give();
  }

  #key(event: RdbKey): Iterable<Uint8Array> {
    this.#skips = !this.#selects(event);
    if (this.#skips) {
      this.reader.skip();
      return NOTHING;
    }
    const { database, key, dataType, expiresAt, idle, frequency, metadata } = event;
    if (database !== this.#database) {
      this.#database = database;
      this.#head = `{"db":${database},"key":`;
    }
    let tail = this.#tailOf(event);
    if (expiresAt !== undefined) tail += `,"expiresAt":${expiresAt}`;
    if (idle !== undefined) tail += `,"idle":${idle}`;
    if (frequency !== undefined) tail += `,"frequency":${frequency}`;
    const begin = this.#value.begin(dataType);
    if (metadata === undefined) return this.#write([this.#head, key, tail, ',"value":', begin]);
    return this.#write([this.#head, key, tail, ',"metadata":', metadata, ',"value":', begin]);
  }

  /** Made once for each type: there are millions of keys, and a few types. */
  #tailOf({ valueType, dataType, encoding }: RdbKey): string {
    let tail = this.#tails[valueType];
    if (tail === undefined) {
      tail = `,"type":"${dataType}","encoding":"${encoding}"`;
      this.#tails[valueType] = tail;
    }
    return tail;
  }

  *#frame(pieces: readonly Piece[]): Generator<Uint8Array, void, void> {
    if (!this.#meta) return;
    yield* this.#write(pieces);
    yield* this.#endLine('');
  }

  /** A string that is too long to be checked for UTF-8 before it is written: always base64. */
  *#long(event: RdbLongElement): Generator<Uint8Array, void, void> {
    const sink = this.#sink;
    if (event.type === 'piece') {
      for (const _ of this.#base64.push(event.bytes)) if (this.#isFull) yield this.#give();
      return;
    }
    if (this.#written > 0) {
      this.#base64.end();
      sink.ascii('"}');
    }
    const pieces = this.#value.piecesOf(event.element);
    const from = this.#written;
    if (event.type === 'long-end') {
      this.#written = 0;
      yield* this.#write(pieces.slice(from));
      return;
    }
    const places = pieces.flatMap((piece, i) => (typeof piece === 'string' ? [] : [i]));
    const at = places[event.string]!;
    this.#written = at + 1;
    yield* this.#write(pieces.slice(from, at));
    sink.ascii('{"base64":"');
  }

  #endLine(text: string): readonly Uint8Array[] {
    this.#sink.ascii(text);
    this.#lineStart = this.#sink.length;
    return this.#isFull ? [this.#give()] : NOTHING;
  }

  #write(pieces: readonly Piece[]): Iterable<Uint8Array> {
    const sink = this.#sink;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece === 'string') sink.ascii(piece);
      else if (piece.length < STEP) sink.json(piece);
      else return this.#writeLong(pieces, i);
    }
    return this.#isFull ? [this.#give()] : NOTHING;
  }

  *#writeLong(pieces: readonly Piece[], from: number): Generator<Uint8Array, void, void> {
    for (const piece of pieces.slice(from)) {
      if (typeof piece === 'string') this.#sink.ascii(piece);
      else for (const _ of this.#sink.jsonSteps(piece)) if (this.#isFull) yield this.#give();
    }
  }

  get #isFull(): boolean {
    return this.#sink.length >= BATCH;
  }

  /** A view of the collected bytes, which the next event overwrites. */
  #give(): Uint8Array {
    const bytes = this.#sink.view;
    this.#lineStart = this.#lineStart === bytes.length ? 0 : -1;
    this.#sink.cutTo(0);
    return bytes;
  }
}

/** An event of numbers and names alone, under its own name. */
function frameOf(event: { readonly type: string }): object {
  const { type, ...rest } = event;
  return type === 'header' ? { header: 'RDB', ...rest } : { [type]: true, ...rest };
}
