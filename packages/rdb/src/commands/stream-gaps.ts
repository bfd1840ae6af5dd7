import { textOf } from '../bytes/text.ts';
import type { RdbElement } from '../format/events.ts';

/** Bytes that room is made for at first. */
const FIRST = 4096;
/** The longest id: two numbers of 64 bits and a dash. */
const LONGEST_ID = 41;

/**
 * Finds pending entries whose message is not in the stream any more, out of the elements of a stream in their
 * order: messages come before groups, and both in the order of their ids. A few bytes are kept for each message.
 */
export class StreamGaps {
  /** Each id as: how many characters it shares with the one before, how many follow, and those. */
  #trail = new Uint8Array(FIRST);
  #length = 0;
  #last = '';
  /** How far the trail was compared with the pending entries of the current group, and the id there. */
  #at = 0;
  #current = '';
  readonly #missing = new Set<string>();

  add(element: RdbElement): void {
    if (element.type === 'entry') this.#keep(element.id);
    else if (element.type === 'group') {
      this.#at = 0;
      this.#current = '';
    } else if (element.type === 'pending' && !this.#isThere(element.id)) {
      this.#missing.add(element.id);
    }
  }

  /** Whether the message of that pending entry is missing. */
  has(id: string): boolean {
    return this.#missing.has(id);
  }

  /** The ids of the missing messages, in their order. */
  ids(): string[] {
    return [...this.#missing].sort(compareIds);
  }

  #keep(id: string): void {
    let shared = 0;
    while (shared < id.length && id[shared] === this.#last[shared]) shared++;
    if (this.#length + 2 + LONGEST_ID > this.#trail.length) {
      const grown = new Uint8Array(2 * this.#trail.length);
      grown.set(this.#trail);
      this.#trail = grown;
    }
    this.#trail[this.#length++] = shared;
    this.#trail[this.#length++] = id.length - shared;
    for (let i = shared; i < id.length; i++) this.#trail[this.#length++] = id.charCodeAt(i);
    this.#last = id;
  }

  /** To be asked of ids that grow, within a group. */
  #isThere(id: string): boolean {
    while (this.#at < this.#length && (this.#current === '' || compareIds(this.#current, id) < 0)) {
      const [shared, more] = [this.#trail[this.#at]!, this.#trail[this.#at + 1]!];
      const from = this.#at + 2;
      const end = textOf(this.#trail.subarray(from, from + more));
      this.#current = this.#current.slice(0, shared) + end;
      this.#at = from + more;
    }
    return this.#current === id;
  }
}

/** Orders ids of streams, `<ms>-<sequence>`, whose numbers may have 64 bits. */
export function compareIds(first: string, second: string): number {
  const [a, b] = [first.indexOf('-'), second.indexOf('-')];
  return (
    compareDigits(first.slice(0, a), second.slice(0, b)) ||
    compareDigits(first.slice(a + 1), second.slice(b + 1))
  );
}

function compareDigits(first: string, second: string): number {
  if (first.length !== second.length) return first.length - second.length;
  return first < second ? -1 : first > second ? 1 : 0;
}
