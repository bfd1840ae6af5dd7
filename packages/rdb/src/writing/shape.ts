import type { Counted, RdbElement } from '../format/events.ts';
import type { Output } from './output.ts';

export type ElementType = Exclude<RdbElement['type'], 'count'>;

/** Writes an element, without what is one level down from it. */
type Encode = (out: Output, element: RdbElement) => void;

/**
 * A part of a value, named as the elements are that make it: the counterpart of the reader's layouts.
 *
 * - `one`: a single element, which may be left out where there is `absent` to write in its place;
 * - `many`: how many there are, and each of them, with the `parts` that belong to it. `first` stands
 *   between their count and the first of them;
 * - `open`: as many as there are, and then what `close` writes;
 * - `nodes`: how many there are, and each with elements of the type `content` in one string.
 */
export type Part = One | Many | Open | Nodes;

export interface One {
  readonly kind: 'one';
  readonly of: ElementType;
  readonly encode: Encode;
  readonly absent?: (out: Output) => void;
}

export interface Many {
  readonly kind: 'many';
  readonly of: Counted;
  readonly encode: Encode;
  readonly parts: Shape;
  readonly first?: One;
  /** Written before the count. */
  readonly ahead?: (out: Output) => void;
}

export interface Open {
  readonly kind: 'open';
  readonly of: ElementType;
  readonly encode: Encode;
  readonly close: (out: Output) => void;
}

export interface Nodes {
  readonly kind: 'nodes';
  readonly of: 'node';
  readonly content: 'item' | 'entry';
  readonly packer: Packer;
}

/** What a value consists of, in order. */
export type Shape = readonly Part[];

/** Collects the elements of a node. */
export interface Packer {
  /** Whether nothing was added since the last `flush`. */
  readonly isEmpty: boolean;
  /** Whether there is as much in it as a server would put there. */
  readonly isFull: boolean;
  add(element: RdbElement): void;
  /** Writes what was added as one node. @throws {RdbError} `INVALID_VALUE` if it may not be empty */
  flush(out: Output): void;
  /** Forgets all of it, and that there was another value before. */
  reset(): void;
}

type Of<T extends ElementType> = (out: Output, element: Extract<RdbElement, { type: T }>) => void;

export function one<T extends ElementType>(of: T, encode: Of<T>, absent?: One['absent']): One {
  const part = { kind: 'one', of, encode: encode as Encode } as const;
  return absent === undefined ? part : { ...part, absent };
}

export function many<T extends Counted & ElementType>(
  of: T,
  encode: Of<T>,
  ...parts: readonly Part[]
): Many {
  return { kind: 'many', of, encode: encode as Encode, parts };
}
