import { bytesOfText } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbElement, RdbKey, RdbMagic } from '../format/events.ts';
import { headerText } from '../format/versions.ts';
import { RdbReader } from '../reading/reader.ts';
import type { PlainCommands } from './plain-commands.ts';
import { StreamGaps } from './stream-gaps.ts';

/** Maximum size of a stream that is held in memory to be read twice, in bytes. */
const MOST_HELD = 512 * 1024 * 1024;

/**
 * Writes the commands of streams. They are read at the level `raw`, so that a value can be held in memory and read
 * twice, as `PlainCommands.commandsOf` requires. A stream that is too large is read once; its pending entries of
 * deleted messages are lost and counted.
 */
export class PlainStreams {
  readonly #plain: PlainCommands;
  readonly #mostHeld: number;
  #deleted = 0;
  #header: Uint8Array = new Uint8Array(0);
  #key!: RdbKey;
  #held: Uint8Array[] = [];
  #size = 0;
  /** Reads a stream that is too large for memory. */
  #passing: { readonly reader: RdbReader; readonly gaps: StreamGaps } | undefined;

  constructor(plain: PlainCommands, mostHeld: number = MOST_HELD) {
    this.#plain = plain;
    this.#mostHeld = mostHeld;
  }

  /** Pending entries of deleted messages that were left out. */
  get deleted(): number {
    return this.#deleted;
  }

  /** Of the RDB that the streams are in. */
  header(header: { readonly magic: RdbMagic; readonly version: number }): void {
    this.#header = bytesOfText(headerText(header));
  }

  begin(key: RdbKey): void {
    this.#key = { ...key, key: new Uint8Array(key.key) };
    this.#held = [];
    this.#size = 0;
    this.#passing = undefined;
  }

  /** @throws {RdbError} those of a reader; `NEEDS_RESTORE`, `UNSUPPORTED` */
  *add(raw: Uint8Array): Generator<Uint8Array, void, void> {
    if (this.#passing !== undefined) {
      yield* this.#pass(raw);
      return;
    }
    this.#held.push(new Uint8Array(raw));
    this.#size += raw.length;
    if (this.#size <= this.#mostHeld) return;
    yield* this.#plain.begin(this.#key);
    this.#passing = { reader: this.#newReader(), gaps: new StreamGaps() };
    const held = this.#held;
    this.#held = [];
    for (const piece of held) yield* this.#pass(piece);
  }

  /** @throws {RdbError} those of a reader; `NEEDS_RESTORE`, `UNSUPPORTED` */
  *end(): Generator<Uint8Array, void, void> {
    if (this.#passing === undefined) {
      yield* this.#plain.commandsOf(this.#key, () => this.#elements());
      this.#held = [];
      return;
    }
    this.#deleted += this.#passing.gaps.ids().length;
    this.#passing = undefined;
    yield* this.#plain.end();
  }

  *#pass(raw: Uint8Array): Generator<Uint8Array, void, void> {
    const { reader, gaps } = this.#passing!;
    for (const element of elementsOf(reader, raw)) {
      gaps.add(element);
      const isLost = element.type === 'consumer-pending' && gaps.has(element.id);
      if (!isLost) yield* this.#plain.add(element);
    }
  }

  *#elements(): Generator<RdbElement, void, void> {
    const reader = this.#newReader();
    for (const piece of this.#held) yield* elementsOf(reader, piece);
  }

  /** A reader that takes the value next, as if it were that of the first key of an RDB. */
  #newReader(): RdbReader {
    const reader = new RdbReader();
    const name = [1, 'k'.charCodeAt(0)];
    const head = Uint8Array.of(...this.#header, this.#key.valueType, ...name);
    for (const _ of elementsOf(reader, head));
    return reader;
  }
}

function* elementsOf(reader: RdbReader, bytes: Uint8Array): Generator<RdbElement, void, void> {
  reader.push(bytes);
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'long') {
      throw new RdbError('UNSUPPORTED', 0, 'a stream has a name above 512 MiB');
    }
    if (event.type !== 'header' && event.type !== 'key' && event.type !== 'key-end') {
      yield event as RdbElement;
    }
  }
}
