import type { Container } from '../containers/container.ts';
import { Intset } from '../containers/intset.ts';
import { Listpack } from '../containers/listpack.ts';
import { Ziplist } from '../containers/ziplist.ts';
import { Zipmap } from '../containers/zipmap.ts';
import { RdbError } from '../errors.ts';
import type { ContainerName, RdbContainer, RdbElement } from '../reading/events.ts';
import type { Elements, Primitive, Unit } from './layout.ts';
import { inNode } from './layout.ts';
import { parseScore } from './walker.ts';

type Open = (bytes: Uint8Array, position: number) => Container;
/** Makes elements of what a container holds. */
type Group = (container: Container, position: number) => Elements;

const CONTAINERS: Readonly<Record<Exclude<ContainerName, 'stream-listpack'>, Open>> = {
  zipmap: (bytes, position) => new Zipmap(bytes, position),
  ziplist: (bytes, position) => new Ziplist(bytes, position),
  intset: (bytes, position) => new Intset(bytes, position),
  listpack: (bytes, position) => new Listpack(bytes, position),
};

/** A string that is a container, and all of the value or a part of it. `ahead`: what stands before it. */
export function contained(name: keyof typeof CONTAINERS, group: Group, ahead = ''): Unit {
  const at = ahead.length;
  return {
    kind: 'unit',
    primitives: `${ahead}S`,
    open: (values, position) =>
      group(CONTAINERS[name](values[at] as Uint8Array, position), position),
    whole: (values) => containerOf(name, values[at]!),
  };
}

export function containerOf(container: ContainerName, bytes: Primitive): RdbContainer {
  return { type: 'container', container, bytes: bytes as Uint8Array };
}

export function items(container: Container): Elements {
  return eachOf(container, (value) => ({ type: 'item', value }));
}

/** Of a list that has its items in several nodes. */
export function nodeItems(container: Container): Elements {
  return inNode(items(container));
}

export function members(container: Container): Elements {
  return eachOf(container, (member) => ({ type: 'member', member }));
}

export function scored(container: Container, position: number): Elements {
  return eachOf(container, (member) => ({
    type: 'scored',
    member,
    score: parseScore(asciiOf(due(container, position)), position),
  }));
}

export function fields(container: Container, position: number): Elements {
  return eachOf(container, (field) => {
    return { type: 'field', field, value: due(container, position), expiresAt: undefined };
  });
}

/** Field, value, and when the field expires; 0: it does not (`rdb.c`, RDB_TYPE_HASH_LISTPACK_EX). */
export function expiringFields(container: Container, position: number): Elements {
  return eachOf(container, (field) => {
    const value = due(container, position);
    const time = Number(asciiOf(due(container, position)));
    if (!Number.isInteger(time)) throw uneven(position);
    return { type: 'field', field, value, expiresAt: time === 0 ? undefined : time };
  });
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
