import { RespError } from './errors.ts';
import type { RespValue } from './values.ts';

/** An aggregate that is being read. */
interface Frame {
  readonly type: 'array' | 'set' | 'push' | 'map' | 'attributes';
  /** Keys and values of maps in turn. Grows as they come, whatever count was announced. */
  readonly items: RespValue[];
  /** Items still to come; undefined where the aggregate is streamed. */
  missing: number | undefined;
  /** Attributes that preceded the aggregate itself. */
  readonly attributes: Pairs | undefined;
}

type Pairs = (readonly [RespValue, RespValue])[];

export type AggregateType = Frame['type'];

/**
 * Puts values together: what is added goes into the innermost open aggregate, and a full one goes
 * into the one around it. A stack, not recursion: the peer chooses the depth.
 */
export class AggregateStack {
  readonly #maxDepth: number;
  readonly #frames: Frame[] = [];
  /** Attributes that came and wait for their value. */
  #attributes: Pairs | undefined;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  /** Whether a value has been begun. */
  get isOpen(): boolean {
    return this.#frames.length > 0 || this.#attributes !== undefined;
  }

  /**
   * Opens an aggregate of `count` items (twice that for maps); undefined: until `close`. An empty one
   * is complete at once: returns the outermost value if that completes it.
   *
   * @throws {RespError} `TOO_DEEP`
   */
  open(type: AggregateType, count: number | undefined, offset: number): RespValue | undefined {
    if (this.#frames.length === this.#maxDepth) {
      const message = `aggregates are nested more than ${this.#maxDepth} deep`;
      throw new RespError('TOO_DEEP', message, offset);
    }
    const isPairs = type === 'map' || type === 'attributes';
    const missing = count === undefined || !isPairs ? count : 2 * count;
    this.#frames.push({ type, items: [], missing, attributes: this.#attributes });
    this.#attributes = undefined;
    return missing === 0 ? this.#closeTop() : undefined;
  }

  /**
   * Ends the innermost aggregate, which has to be streamed.
   *
   * @throws {RespError} `INVALID_TYPE` if none is, or attributes wait for their value; `INVALID_MAP`
   *   after a key
   */
  close(offset: number): RespValue | undefined {
    const top = this.#frames.at(-1);
    if (top === undefined || top.missing !== undefined || this.#attributes !== undefined) {
      throw new RespError('INVALID_TYPE', 'an end where nothing can end', offset);
    }
    if ((top.type === 'map' || top.type === 'attributes') && top.items.length % 2 === 1) {
      throw new RespError('INVALID_MAP', 'a streamed map ends after a key', offset);
    }
    return this.#closeTop();
  }

  /** Adds a whole value; returns the outermost one if that is complete now. */
  add(value: RespValue): RespValue | undefined {
    const attributes = this.#attributes;
    this.#attributes = undefined;
    return this.#put(attributes === undefined ? value : { ...value, attributes });
  }

  #put(value: RespValue): RespValue | undefined {
    const top = this.#frames.at(-1);
    if (top === undefined) return value;
    top.items.push(value);
    if (top.missing === undefined) return undefined;
    top.missing--;
    return top.missing === 0 ? this.#closeTop() : undefined;
  }

  #closeTop(): RespValue | undefined {
    const { type, items, missing, attributes } = this.#frames.pop()!;
    if (type === 'attributes') {
      this.#attributes = appendPairs(items, attributes ?? []);
      return undefined;
    }
    const rest = {
      ...(missing === undefined ? { streamed: true as const } : {}),
      ...(attributes === undefined ? {} : { attributes }),
    };
    return this.#put(
      type === 'map'
        ? { type, entries: appendPairs(items, []), ...rest }
        : { type, items, ...rest },
    );
  }
}

function appendPairs(items: readonly RespValue[], to: Pairs): Pairs {
  for (let i = 0; i < items.length; i += 2) to.push([items[i]!, items[i + 1]!]);
  return to;
}
