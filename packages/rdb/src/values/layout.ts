import type { Counted, RdbContainer, RdbElement } from '../format/events.ts';

/** What one primitive is read as. */
export type Primitive = Uint8Array | number | bigint;

/** Elements that are read out of a string which has been read whole. */
export interface Elements {
  /** The next; undefined after the last. @throws {RdbError} `CORRUPT` */
  next(): RdbElement | undefined;
}

/**
 * Primitives that follow each other, a letter each:
 *
 * - `S` a string; `L` a length, `U` the same exact;
 * - `B` a byte; `I` and `Q` eight bytes little-endian, as a number or exact; `F` and `D` floats of 4 and 8
 *   bytes; `T` a double as text;
 * - `X` sixteen bytes, `N` forty, `W` four, as they are.
 *
 * They make an element, or hold several: then `open` takes them apart, `whole` is what they are at the
 * level `structure`, and `check` finds what `open` would refuse without making the elements.
 */
export interface Unit {
  readonly kind: 'unit';
  readonly primitives: string;
  readonly make?: (values: readonly Primitive[]) => RdbElement | undefined;
  readonly open?: (values: readonly Primitive[], position: number) => Elements;
  readonly check?: (values: readonly Primitive[], position: number) => void;
  readonly whole?: (values: readonly Primitive[], position: number) => RdbContainer | RdbElement;
  /** Of what `open` takes apart: the element that it is where it holds one alone, which may come in pieces. */
  readonly alone?: (values: readonly Primitive[]) => RdbElement | undefined;
}

/** Something so many times as the first of `head` says; `once`: what stands between the two. */
export interface Repeat {
  readonly kind: 'repeat';
  readonly head: Unit;
  readonly once?: readonly Part[];
  readonly body: readonly Part[];
}

/** What follows depends on a length before it; with `again` until that is 0. */
export interface Choice {
  readonly kind: 'choice';
  readonly cases: ReadonlyMap<number, readonly Part[]>;
  readonly again: boolean;
}

export type Part = Unit | Repeat | Choice;

/** How the bytes of a value follow each other. */
export type Layout = readonly Part[];

export function unit(primitives: string, make?: Unit['make']): Unit {
  return make === undefined ? { kind: 'unit', primitives } : { kind: 'unit', primitives, make };
}

export function repeat(...body: readonly Part[]): Repeat {
  return { kind: 'repeat', head: unit('L'), body };
}

/** The same, where it is told how many there are: `count`, before the first of them. */
export function counted(of: Counted, ...body: readonly Part[]): Repeat {
  const head = unit('L', ([count]) => ({ type: 'count', of, count: count as number }));
  return { kind: 'repeat', head, body };
}

/** Elements that stand in a node: before them it is told that one begins. */
export function inNode(elements: Elements): Elements {
  let began = false;
  return {
    next: () => {
      if (began) return elements.next();
      began = true;
      return { type: 'node' };
    },
  };
}
