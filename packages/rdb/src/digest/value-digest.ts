import type { RdbElement, RdbEvent, RdbKey } from '../format/events.ts';
import { stringsOf } from '../values/element-strings.ts';
import type { DigestSeed } from './digest.ts';
import { Digest } from './digest.ts';

/**
 * A digest of what a value is, whatever its encoding: elements of sets, sorted sets and hashes count in any
 * order, of lists and streams in theirs. Of streams what only some versions tell is left out, as are times
 * at which consumers were seen.
 */
export class ValueDigest {
  /** What has an order. */
  readonly #chain: Digest;
  /** An element of what has none; the sum of these is the value's. */
  readonly #one: Digest;
  #low = 0;
  #high = 0;
  /** Number of strings read of an element in pieces; -1: no element in pieces. */
  #strings = -1;
  /** The type of the value of that element. */
  #long: Digest;

  constructor(seed: DigestSeed) {
    this.#chain = new Digest(seed);
    this.#one = new Digest(seed);
    this.#long = this.#chain;
  }

  begin({ dataType }: Pick<RdbKey, 'dataType'>): void {
    this.#chain.reset();
    this.#chain.text(dataType);
    this.#low = 0;
    this.#high = 0;
  }

  /** The digest, in two halves. */
  end(): readonly [low: number, high: number] {
    this.#chain.finish();
    return [(this.#chain.low + this.#low) | 0, (this.#chain.high + this.#high) | 0];
  }

  take(event: RdbEvent): void {
    const chain = this.#chain;
    switch (event.type) {
      case 'long':
        this.#reach(event.element, event.string);
        this.#long.begin(event.length);
        return;
      case 'piece':
        this.#long.part(event.bytes);
        return;
      case 'long-end':
        this.#endLong(event.element);
        return;
      case 'value':
      case 'item':
        chain.bytes(event.value);
        return;
      case 'member':
        this.#add(event.member);
        return;
      case 'scored':
        this.#add(event.member, event.score);
        return;
      case 'field':
        this.#add(event.field, event.expiresAt ?? -1, event.value);
        return;
      case 'entry':
        chain.text(event.id);
        for (const field of event.fields) chain.bytes(field);
        return;
      case 'stream':
        chain.text(`stream ${event.length} ${event.lastId}`);
        return;
      case 'group':
        chain.text(`group ${event.lastId}`);
        chain.bytes(event.name);
        return;
      case 'pending':
        chain.text(`pending ${event.id} ${event.deliveredAt} ${event.deliveries}`);
        return;
      case 'consumer':
        chain.bytes(event.name);
        return;
      case 'consumer-pending':
      case 'negative':
        chain.text(`${event.type} ${event.id}`);
        return;
      case 'producer':
        chain.text(event.type);
        chain.bytes(event.id);
        return;
      case 'produced':
        chain.text(`${event.type} ${event.id}`);
        chain.bytes(event.message);
        return;
      case 'slot-value':
        chain.text(String(event.index));
        chain.bytes(event.value);
        return;
      case 'insert-index':
        chain.text(`insert ${event.index}`);
        return;
      case 'module-id':
        chain.text(`${event.module.name} ${event.module.version}`);
        return;
      case 'module-value':
        if (event.value instanceof Uint8Array) chain.bytes(event.value);
        else chain.text(`${event.kind} ${event.value}`);
    }
  }

  /** Takes the strings before that one, and ends the long one before it. */
  #reach(element: RdbElement, string: number): void {
    if (this.#strings < 0) {
      this.#strings = 0;
      this.#long = UNORDERED.has(element.type) ? this.#one : this.#chain;
      if (this.#long === this.#one) this.#one.reset();
    } else this.#long.end();
    const strings = stringsOf(element);
    for (; this.#strings < string; this.#strings++) this.#long.bytes(strings[this.#strings]!);
    this.#strings = string + 1;
  }

  #endLong(element: RdbElement): void {
    this.#reach(element, stringsOf(element).length);
    this.#strings = -1;
    if (element.type === 'scored') this.#long.number(element.score);
    else if (element.type === 'field') this.#long.number(element.expiresAt ?? -1);
    else if (element.type === 'slot-value') this.#long.text(String(element.index));
    if (this.#long === this.#one) this.#sum();
  }

  #add(bytes: Uint8Array, number?: number, more?: Uint8Array): void {
    const one = this.#one;
    one.reset();
    one.bytes(bytes);
    if (number !== undefined) one.number(number);
    if (more !== undefined) one.bytes(more);
    this.#sum();
  }

  #sum(): void {
    const one = this.#one;
    one.finish();
    this.#low = (this.#low + one.low) | 0;
    this.#high = (this.#high + one.high) | 0;
  }
}

/** Elements that count in any order. */
const UNORDERED: ReadonlySet<string> = new Set(['member', 'scored', 'field']);
