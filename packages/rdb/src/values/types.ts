import { digitsOf } from '../bytes/digits.ts';
import { Listpack } from '../containers/listpack.ts';
import { RdbError } from '../format/errors.ts';
import type { DataType, RdbMagic } from '../format/events.ts';
import {
  contained,
  containerOf,
  expiringFields,
  fields,
  items,
  members,
  nodeItems,
  scored,
} from './contained.ts';
import type { Layout, Part, Primitive, Unit } from './layout.ts';
import { counted, inNode, unit } from './layout.ts';
import { moduleLayout } from './module.ts';
import { streamLayout } from './stream.ts';

/** What a number says of the value that follows (`rdb.h`). */
export interface ValueType {
  readonly dataType: DataType;
  /** In the words of `OBJECT ENCODING`; of a string always `raw`. */
  readonly encoding: string;
  /** Made for each value, since some parts of it look back at others. */
  readonly layout: () => Layout;
}

const bytes = (value: Primitive | undefined): Uint8Array => value as Uint8Array;

const item: Part = unit('S', ([value]) => ({ type: 'item', value: bytes(value) }));
const member: Part = unit('S', ([value]) => ({ type: 'member', member: bytes(value) }));
const field: Part = unit('SS', ([name, value]) => {
  return { type: 'field', field: bytes(name), value: bytes(value), expiresAt: undefined };
});

type Row = readonly [number, DataType, string, Layout | (() => Layout)];

/** The number of a string's type. */
export const STRING = 0;

/** The numbers that both lines of servers use alike. */
const COMMON: readonly Row[] = [
  [STRING, 'string', 'raw', [unit('S', ([value]) => ({ type: 'value', value: bytes(value) }))]],
  [1, 'list', 'linkedlist', [counted('item', item)]],
  [2, 'set', 'hashtable', [counted('member', member)]],
  [3, 'zset', 'skiplist', [counted('scored', unit('ST', scoredOf))]],
  [4, 'hash', 'hashtable', [counted('field', field)]],
  [5, 'zset', 'skiplist', [counted('scored', unit('SD', scoredOf))]],
  [7, 'module', 'module', moduleLayout],
  [9, 'hash', 'zipmap', [contained('zipmap', fields)]],
  [10, 'list', 'ziplist', [contained('ziplist', items)]],
  [11, 'set', 'intset', [contained('intset', members)]],
  [12, 'zset', 'ziplist', [contained('ziplist', scored)]],
  [13, 'hash', 'ziplist', [contained('ziplist', fields)]],
  [14, 'list', 'quicklist', [counted('node', contained('ziplist', nodeItems))]],
  [15, 'stream', 'stream', streamLayout(1)],
  [16, 'hash', 'listpack', [contained('listpack', fields)]],
  [17, 'zset', 'listpack', [contained('listpack', scored)]],
  [18, 'list', 'quicklist', [counted('node', node())]],
  [19, 'stream', 'stream', streamLayout(2)],
  [20, 'set', 'listpack', [contained('listpack', members)]],
  [21, 'stream', 'stream', streamLayout(3)],
];

/** Redis since 7.4. 22 and 23 were written before its release only. */
const OF_REDIS: readonly Row[] = [
  [22, 'hash', 'hashtable', [counted('field', unit('LSS', absoluteField))]],
  [23, 'hash', 'listpackex', [contained('listpack', expiringFields)]],
  [24, 'hash', 'hashtable', relativeFields],
  [25, 'hash', 'listpackex', [contained('listpack', expiringFields, 'I')]],
  [26, 'stream', 'stream', streamLayout(4)],
  [27, 'stream', 'stream', streamLayout(5)],
  [28, 'array', 'array', arrayLayout],
];

/** Valkey since 9.0. */
const OF_VALKEY: readonly Row[] = [
  [22, 'hash', 'hashtable', [counted('field', unit('SSI', fieldAndTime))]],
];

const REDIS = tableOf([...COMMON, ...OF_REDIS]);
const VALKEY = tableOf([...COMMON, ...OF_VALKEY]);

export function valueType(magic: RdbMagic, number: number): ValueType | undefined {
  return (magic === 'REDIS' ? REDIS : VALKEY)[number];
}

/** By the number: there is one look at it a key. */
function tableOf(rows: readonly Row[]): readonly (ValueType | undefined)[] {
  const table = new Array<ValueType | undefined>(256).fill(undefined);
  for (const [number, dataType, encoding, layout] of rows) {
    const make = typeof layout === 'function' ? layout : () => layout;
    table[number] = { dataType, encoding, layout: make };
  }
  return table;
}

function scoredOf([name, score]: readonly Primitive[]) {
  return { type: 'scored', member: bytes(name), score: score as number } as const;
}

function fieldOf(name: Primitive | undefined, value: Primitive | undefined, expiresAt?: number) {
  return { type: 'field', field: bytes(name), value: bytes(value), expiresAt } as const;
}

function absoluteField([time, name, value]: readonly Primitive[]) {
  return fieldOf(name, value, time === 0 ? undefined : (time as number));
}

function fieldAndTime([name, value, time]: readonly Primitive[]) {
  return fieldOf(name, value, time === -1 ? undefined : (time as number));
}

/** The time of the first that expires, and of each field one more than how much later it does; 0: never. */
function relativeFields(): Layout {
  let least = 0;
  return [
    unit('I', ([time]) => {
      least = time as number;
      return undefined;
    }),
    counted(
      'field',
      unit('LSS', ([time, name, value]) => {
        return fieldOf(name, value, time === 0 ? undefined : least + (time as number) - 1);
      }),
    ),
  ];
}

const PLAIN = 1;
const PACKED = 2;

/** A node of a list: one large element, or a listpack (`rdb.c`, RDB_TYPE_LIST_QUICKLIST_2). */
function node(): Unit {
  return {
    kind: 'unit',
    primitives: 'LS',
    open: ([container, value], position) => {
      if (isPacked(container, position)) {
        return nodeItems.open(new Listpack(bytes(value), position), position);
      }
      const element = [{ type: 'item', value: bytes(value) } as const];
      return inNode({ next: () => element.pop() });
    },
    check: ([container, value], position) => {
      if (!isPacked(container, position)) return;
      nodeItems.check(new Listpack(bytes(value), position), position);
    },
    whole: ([container, value]) =>
      container === PACKED
        ? containerOf('listpack', value!)
        : { type: 'item', value: bytes(value) },
    alone: ([container, value]) =>
      container === PLAIN ? { type: 'item', value: bytes(value) } : undefined,
  };
}

function isPacked(container: Primitive | undefined, position: number): boolean {
  if (container === PACKED) return true;
  if (container === PLAIN) return false;
  const message = `an unknown container ${container} of a list, at byte ${position}`;
  throw new RdbError('CORRUPT', position, message);
}

/** How many there are, where the next is inserted, and index and value of each (Redis 8.8 and later). */
function arrayLayout(): Layout {
  let index = 0n;
  const at = (value: Uint8Array) => ({ type: 'slot-value', index, value }) as const;
  return [
    {
      ...counted(
        'slot-value',
        unit('U', ([place]) => {
          index = place as bigint;
          return undefined;
        }),
        choice([
          [0, [unit('S', ([value]) => at(bytes(value)))]],
          [1, [unit('Q', ([value]) => at(digitsOf(value as bigint)))]],
          [2, [unit('D', ([value]) => at(digitsOf(value as number)))]],
          [3, [unit('S', ([value]) => at(bytes(value)))]],
        ]),
      ),
      once: [
        choice([
          [0, []],
          [1, [unit('U', ([next]) => ({ type: 'insert-index', index: next as bigint }))]],
        ]),
      ],
    },
  ];
}

function choice(cases: readonly (readonly [number, readonly Part[]])[]): Part {
  return { kind: 'choice', cases: new Map(cases), again: false };
}
