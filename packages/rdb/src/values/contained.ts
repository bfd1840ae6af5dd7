import type { Container } from '../containers/container.ts';
import { Intset } from '../containers/intset.ts';
import { Listpack } from '../containers/listpack.ts';
import { Ziplist } from '../containers/ziplist.ts';
import { Zipmap } from '../containers/zipmap.ts';
import { RdbError } from '../format/errors.ts';
import type { ContainerName, RdbContainer, RdbElement } from '../format/events.ts';
import type { Elements, Primitive, Unit } from './layout.ts';
import { inNode } from './layout.ts';
import { parseScore } from './primitives.ts';

/** Characters of numbers. */
const [PLUS, MINUS, POINT, ZERO, NINE, SMALL_E] = [0x2b, 0x2d, 0x2e, 0x30, 0x39, 0x65];

type Open = (bytes: Uint8Array, position: number) => Container;
/** What a container holds: made into elements, or only checked. */
interface Group {
  readonly open: (container: Container, position: number) => Elements;
  readonly check: (container: Container, position: number) => void;
}

const CONTAINERS: Readonly<Record<Exclude<ContainerName, 'stream-listpack'>, Open>> = {
  zipmap: (bytes, position) => new Zipmap(bytes, position),
  ziplist: (bytes, position) => new Ziplist(bytes, position),
  intset: (bytes, position) => new Intset(bytes, position),
  listpack: (bytes, position) => new Listpack(bytes, position),
};

/** A string that is a container, and all of the value or a part of it. `ahead`: what stands before it. */
export function contained(name: keyof typeof CONTAINERS, group: Group, ahead = ''): Unit {
  const at = ahead.length;
  const container = (values: readonly Primitive[], position: number) =>
    CONTAINERS[name](values[at] as Uint8Array, position);
  return {
    kind: 'unit',
    primitives: `${ahead}S`,
    open: (values, position) => group.open(container(values, position), position),
    check: (values, position) => group.check(container(values, position), position),
    whole: (values) => containerOf(name, values[at]!),
  };
}

export function containerOf(container: ContainerName, bytes: Primitive): RdbContainer {
  return { type: 'container', container, bytes: bytes as Uint8Array };
}

export const items: Group = {
  open: (container) => eachOf(container, (value) => ({ type: 'item', value })),
  check: passAll,
};

/** Of a list that has its items in several nodes. */
export const nodeItems: Group = {
  open: (container, position) => inNode(items.open(container, position)),
  check: passAll,
};

export const members: Group = {
  open: (container) => eachOf(container, (member) => ({ type: 'member', member })),
  check: passAll,
};

export const scored: Group = {
  open: (container, position) =>
    eachOf(container, (member) => {
      return { type: 'scored', member, score: scoreOf(container, position) };
    }),
  check: (container, position) => {
    while (container.pass()) {
      passDue(container, position);
      const { string } = container;
      if (string !== undefined) checkScore(string, position);
    }
  },
};

export const fields: Group = {
  open: (container, position) =>
    eachOf(container, (field) => {
      return { type: 'field', field, value: due(container, position), expiresAt: undefined };
    }),
  check: (container, position) => {
    while (container.pass()) passDue(container, position);
  },
};

/** Field, value, and when the field expires; 0: it does not (`rdb.c`, RDB_TYPE_HASH_LISTPACK_EX). */
export const expiringFields: Group = {
  open: (container, position) =>
    eachOf(container, (field) => {
      const value = due(container, position);
      const time = timeOf(container, position);
      return { type: 'field', field, value, expiresAt: time === 0 ? undefined : time };
    }),
  check: (container, position) => {
    while (container.pass()) {
      passDue(container, position);
      timeOf(container, position);
    }
  },
};

function passAll(container: Container): void {
  while (container.pass()) {
    // What is wrong with an element is thrown.
  }
}

function passDue(container: Container, position: number): void {
  if (!container.pass()) throw uneven(position);
}

/** Digits are looked at where they are: making numbers of them would take most of the time. */
function checkScore(score: Uint8Array, position: number): void {
  if (!isDecimal(score)) parseScore(asciiOf(score), position);
}

/** Digits, at most one point among them, and perhaps a power of ten. */
function isDecimal(text: Uint8Array): boolean {
  let at = text[0] === MINUS ? 1 : 0;
  let digits = 0;
  let points = 0;
  for (; at < text.length; at++) {
    const byte = text[at]!;
    if (byte >= ZERO && byte <= NINE) digits++;
    else if (byte === POINT) points++;
    else break;
  }
  if (digits === 0 || points > 1) return false;
  if (at === text.length) return true;
  if (text[at] !== SMALL_E) return false;
  at++;
  if (text[at] === PLUS || text[at] === MINUS) at++;
  const first = at;
  while (at < text.length && text[at]! >= ZERO && text[at]! <= NINE) at++;
  return at === text.length && at > first;
}

function scoreOf(container: Container, position: number): number {
  return parseScore(asciiOf(due(container, position)), position);
}

function timeOf(container: Container, position: number): number {
  const time = Number(asciiOf(due(container, position)));
  if (!Number.isInteger(time)) throw uneven(position);
  return time;
}

function eachOf(container: Container, make: (element: Uint8Array) => RdbElement): Elements {
  return {
    next: () => {
      const element = container.next();
      return element === undefined ? undefined : make(element);
    },
  };
}

function due(container: Container, position: number): Uint8Array {
  const element = container.next();
  if (element === undefined) throw uneven(position);
  return element;
}

function uneven(position: number): RdbError {
  const message = `the container at byte ${position} does not hold what belongs together`;
  return new RdbError('CORRUPT', position, message);
}

function asciiOf(bytes: Uint8Array): string {
  if (bytes.length > 400) return '';
  return String.fromCharCode(...bytes);
}
