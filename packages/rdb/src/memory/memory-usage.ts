import type { KeySelection, RdbEvent, RdbKey } from '../format/events.ts';
import { RdbReader } from '../reading/reader.ts';
import { ElementCount } from '../values/element-count.ts';
import { MemoryEstimate } from './memory-estimate.ts';
import type { MemoryTotalsOptions } from './memory-totals.ts';
import { MemoryTotals } from './memory-totals.ts';

export interface MemoryUsageOptions extends MemoryTotalsOptions {
  /** The keys to measure; all by default. */
  readonly selects?: KeySelection;
}

/** Measures the keys of an RDB: elements, bytes in the RDB, and estimated bytes in the memory of a server. */
export class MemoryUsage {
  /** Reads the RDB: push its bytes, and give each event to `take`. */
  readonly reader: RdbReader = new RdbReader({ level: 'structure' });
  readonly totals: MemoryTotals;
  readonly #selects: KeySelection;
  readonly #elements = new ElementCount();
  readonly #estimate = new MemoryEstimate();
  #key: RdbKey | undefined;
  /** A copy of the name of the key: the bytes of the event are not valid until its end. */
  #name: Uint8Array = new Uint8Array(0);
  /** Where the key before has ended. */
  #end = 0;

  constructor({ selects = () => true, ...options }: MemoryUsageOptions = {}) {
    this.totals = new MemoryTotals(options);
    this.#selects = selects;
  }

  /** Takes the next event of the reader. @throws {RdbError} `CORRUPT` */
  take(event: RdbEvent): void {
    switch (event.type) {
      case 'key':
        this.#begin(event);
        return;
      case 'key-end':
        if (this.#key !== undefined) this.#add(this.#key);
        this.#key = undefined;
        this.#end = this.reader.position;
        return;
      case 'header':
      case 'aux':
      case 'function':
      case 'module-aux':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
        this.#end = this.reader.position;
        return;
      default:
        if (this.#key === undefined) return;
        this.#elements.take(event);
        this.#estimate.take(event);
    }
  }

  #begin(key: RdbKey): void {
    if (!this.#selects(key)) {
      this.reader.skip();
      return;
    }
    this.#key = key;
    this.#name = new Uint8Array(key.key);
    this.#elements.begin(key);
    this.#estimate.begin(key);
  }

  #add({ database, dataType, encoding }: RdbKey): void {
    this.totals.add({
      key: this.#name,
      database,
      dataType,
      encoding,
      elements: this.#elements.count,
      file: this.reader.position - this.#end,
      memory: this.#estimate.bytes,
    });
  }
}
