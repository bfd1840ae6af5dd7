import { countIn } from '../containers/count.ts';
import type { RdbEvent, RdbKey } from '../format/events.ts';

/** Counts the elements of values that are read at the level `structure`, as LLEN, HLEN and so on would. */
export class ElementCount {
  #key!: RdbKey;
  /** What an element takes of a container: its fields, or its score. */
  #share = 1;
  count = 0;

  begin(key: RdbKey): void {
    this.#key = key;
    const { dataType, encoding } = key;
    this.#share =
      encoding === 'listpackex' ? 3 : dataType === 'hash' || dataType === 'zset' ? 2 : 1;
    this.count = dataType === 'string' ? 1 : 0;
  }

  /** @throws {RdbError} `CORRUPT` */
  take(event: RdbEvent): void {
    switch (event.type) {
      case 'container':
        // What a stream holds it says itself.
        if (event.container === 'stream-listpack') return;
        this.count += countIn(event, this.#key.position) / this.#share;
        return;
      case 'long-end':
        this.take(event.element);
        return;
      case 'stream':
        this.count = event.length;
        return;
      case 'item':
      case 'member':
      case 'scored':
      case 'field':
      case 'slot-value':
      case 'module-value':
        this.count++;
    }
  }
}
