import type { RdbElement, RdbKey, RdbMagic } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';
import { EXIT, ExitError } from '../../exit.ts';
import type { Losses } from './losses.ts';
import type { PlainCommands } from './plain-commands.ts';
import { StreamGaps } from './stream-gaps.ts';

/** Maximum size of a stream that is held in memory to be read twice, in bytes. */
const MOST_HELD = 512 * 1024 * 1024;

/**
 * Makes the commands of streams, which are read at the level `raw`. A pending entry whose message was deleted
 * needs a placeholder among the messages, and is known only after them: so a value is held and read twice.
 * One that is too large is read once, and such entries are lost and counted.
 */
export class PlainStreams {
  readonly losses: Omit<Losses, 'metadata'> = { negative: 0, produced: 0, deleted: 0 };
  readonly #plain: PlainCommands;
  readonly #mostHeld: number;
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

  /** Of the RDB that the streams are in. */
  header({ magic, version }: { readonly magic: RdbMagic; readonly version: number }): void {
    this.#header = Buffer.from(magic + String(version).padStart(9 - magic.length, '0'));
  }

  begin(key: RdbKey): void | Promise<void> {
    this.#key = { ...key, key: key.key.slice() };
    this.#held = [];
    this.#size = 0;
    this.#passing = undefined;
  }

  async add(raw: Uint8Array): Promise<void> {
    if (this.#passing !== undefined) return this.#pass(raw);
    this.#held.push(raw.slice());
    this.#size += raw.length;
    if (this.#size <= this.#mostHeld) return;
    await this.#plain.begin(this.#key);
    this.#passing = { reader: this.#newReader(), gaps: new StreamGaps() };
    const held = this.#held;
    this.#held = [];
    for (const piece of held) await this.#pass(piece);
  }

  async end(): Promise<void> {
    if (this.#passing === undefined) await this.#passTwice();
    else this.losses.deleted += this.#passing.gaps.ids().length;
    this.#passing = undefined;
    await this.#plain.end();
  }

  async #passTwice(): Promise<void> {
    const gaps = new StreamGaps();
    const first = this.#newReader();
    for (const piece of this.#held)
      for (const element of elementsOf(first, piece)) gaps.add(element);
    await this.#plain.begin(this.#key, gaps.ids());
    const second = this.#newReader();
    for (const piece of this.#held) {
      for (const element of elementsOf(second, piece)) await this.#make(element);
    }
    this.#held = [];
  }

  async #pass(raw: Uint8Array): Promise<void> {
    const { reader, gaps } = this.#passing!;
    for (const element of elementsOf(reader, raw)) {
      gaps.add(element);
      const isLost = element.type === 'consumer-pending' && gaps.has(element.id);
      if (!isLost) await this.#make(element);
    }
  }

  #make(element: RdbElement): void | Promise<void> {
    if (element.type === 'negative' || element.type === 'produced') this.losses[element.type]++;
    else return this.#plain.add(element);
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
      throw new ExitError(EXIT.runtime, 'a stream has a name above 512 MiB');
    }
    if (event.type !== 'header' && event.type !== 'key' && event.type !== 'key-end') {
      yield event as RdbElement;
    }
  }
}
