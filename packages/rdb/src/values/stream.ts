import { Listpack } from '../containers/listpack.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbElement } from '../format/events.ts';
import { containerOf } from './contained.ts';
import type { Elements, Layout, Part, Primitive, Unit } from './layout.ts';
import { counted, inNode, unit } from './layout.ts';

/** Flags of an entry in a node (`stream.h`). */
const DELETED = 1;
const SAME_FIELDS = 2;
/** Fields of one entry: more than the 1,048,576 arguments of a command that servers took before 7.0 hold. */
const MOST_FIELDS = 1024 * 1024;

/**
 * How a stream is written: the nodes of its entries, what it says of itself, and its groups
 * (`rdb.c: rdbSaveObject`). `form`: 1 since 5.0, 2 since 7.0, 3 since 7.2, 4 since Redis 8.6 and 5 since
 * Redis 8.8.
 */
export function streamLayout(form: 1 | 2 | 3 | 4 | 5): Layout {
  const consumer = form >= 3 ? unit('SII', consumerOf) : unit('SI', consumerOf);
  const parts: Part[] = [
    counted('node', NODE),
    unit(form >= 2 ? 'LUUUUUUU' : 'LUU', streamOf),
    counted(
      'group',
      unit(form >= 2 ? 'SUUU' : 'SUU', groupOf),
      counted('pending', unit('XIL', pendingOf)),
      counted(
        'consumer',
        consumer,
        counted(
          'consumer-pending',
          unit('X', ([id]) => ({ type: 'consumer-pending', id: rawId(id!) })),
        ),
      ),
      ...(form >= 5
        ? [
            counted(
              'negative',
              unit('X', ([id]) => ({ type: 'negative', id: rawId(id!) })),
            ),
          ]
        : []),
    ),
  ];
  if (form >= 4) parts.push(...IDEMPOTENCE);
  return parts;
}

const NODE: Unit = {
  kind: 'unit',
  primitives: 'SS',
  open: ([id, node], position) => {
    return inNode(entriesOf(id as Uint8Array, node as Uint8Array, position));
  },
  check: ([id, node], position) => {
    nodeId(id!, position);
    checkEntries(node as Uint8Array, position);
  },
  whole: ([id, node], position) => {
    return { ...containerOf('stream-listpack', node!), id: rawId(nodeId(id!, position)) };
  },
};

/** Since Redis 8.6: which messages were added, lest they be added twice. */
const IDEMPOTENCE: readonly Part[] = [
  unit('LL', ([duration, most]) => {
    return { type: 'idempotence', duration: Number(duration), most: Number(most) };
  }),
  counted(
    'producer',
    unit('S', ([id]) => ({ type: 'producer', id: id as Uint8Array })),
    counted(
      'produced',
      unit('SUU', ([message, ms, sequence]) => {
        return { type: 'produced', message: message as Uint8Array, id: `${ms}-${sequence}` };
      }),
    ),
  ),
  unit('UU', ([first, second]) => {
    return {
      type: 'idempotence-counts',
      counts: [BigInt(first as bigint), BigInt(second as bigint)],
    };
  }),
];

function streamOf(values: readonly Primitive[]): RdbElement {
  const [length, lastMs, lastSequence, firstMs, firstSequence, deletedMs, deletedSequence, added] =
    values;
  const isOld = firstMs === undefined;
  return {
    type: 'stream',
    length: Number(length),
    lastId: `${lastMs}-${lastSequence}`,
    firstId: isOld ? undefined : `${firstMs}-${firstSequence}`,
    maxDeletedId: isOld ? undefined : `${deletedMs}-${deletedSequence}`,
    entriesAdded: added as bigint | undefined,
  };
}

function groupOf([name, ms, sequence, read]: readonly Primitive[]): RdbElement {
  // Written as a number without a sign, of which the largest stands for one that is not known.
  const entriesRead = read === undefined ? undefined : BigInt.asIntN(64, read as bigint);
  return {
    type: 'group',
    name: name as Uint8Array,
    lastId: `${ms}-${sequence}`,
    entriesRead: entriesRead === -1n ? undefined : entriesRead,
  };
}

function pendingOf([id, deliveredAt, deliveries]: readonly Primitive[]): RdbElement {
  return {
    type: 'pending',
    id: rawId(id!),
    deliveredAt: deliveredAt as number,
    deliveries: deliveries as number,
  };
}

function consumerOf([name, seenAt, activeAt]: readonly Primitive[]): RdbElement {
  return {
    type: 'consumer',
    name: name as Uint8Array,
    seenAt: seenAt as number,
    activeAt: activeAt as number | undefined,
  };
}

/** Sixteen bytes, big-endian, so that they sort as the ids do. */
function rawId(bytes: Primitive): string {
  const { ms, sequence } = idOf(bytes as Uint8Array);
  return `${ms}-${sequence}`;
}

function nodeId(id: Primitive, position: number): Uint8Array {
  if ((id as Uint8Array).length === 16) return id as Uint8Array;
  throw corrupt('the id of a stream node is not of 16 bytes', position);
}

function idOf(bytes: Uint8Array): { ms: bigint; sequence: bigint } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { ms: view.getBigUint64(0), sequence: view.getBigUint64(8) };
}

/**
 * The entries of a node (`t_stream.c: streamAppendItem`). It begins with how many there are, how many were
 * deleted, and the names of the fields of the first; each entry tells what differs from that.
 */
function entriesOf(master: Uint8Array, node: Uint8Array, position: number): Elements {
  const first = idOf(nodeId(master, position));
  const listpack = new Listpack(node, position);
  // How many entries there are is not looked at: those that are there are given.
  listpack.integer();
  listpack.integer();
  const names: Uint8Array[] = [];
  for (let left = fieldCount(listpack, position); left > 0; left--) names.push(due(listpack));
  listpack.integer();
  return {
    next: () => {
      while (!listpack.done) {
        const flags = Number(listpack.integer());
        const ms = sumOf(first.ms, listpack.integer());
        const sequence = sumOf(first.sequence, listpack.integer());
        const fields: Uint8Array[] = [];
        if (flags & SAME_FIELDS) {
          for (const name of names) fields.push(name, due(listpack));
        } else {
          for (let left = fieldCount(listpack, position); left > 0; left--) {
            fields.push(due(listpack), due(listpack));
          }
        }
        // How many elements the entry has, for who reads from the end.
        listpack.integer();
        if (!(flags & DELETED)) return { type: 'entry', id: `${ms}-${sequence}`, fields };
      }
      return undefined;
    },
  };
}

/** What `entriesOf` would refuse, found without making the entries. */
function checkEntries(node: Uint8Array, position: number): void {
  const listpack = new Listpack(node, position);
  const pass = (count: number) => {
    for (let left = count; left > 0; left--) if (!listpack.pass()) throw listpack.corrupt();
  };
  listpack.integer();
  listpack.integer();
  const names = Number(listpack.integer());
  pass(names);
  listpack.integer();
  while (!listpack.done) {
    const flags = Number(listpack.integer());
    listpack.integer();
    listpack.integer();
    pass(flags & SAME_FIELDS ? names : 2 * Number(listpack.integer()));
    listpack.integer();
  }
}

/** All fields of an entry are in memory at once: a small file of compressed names could fill it. */
function fieldCount(listpack: Listpack, position: number): number {
  const count = Number(listpack.integer());
  if (count <= MOST_FIELDS) return count;
  const message = `a stream entry of ${count} fields, at byte ${position}, and ${MOST_FIELDS} are the most`;
  throw new RdbError('TOO_LONG', position, message);
}

function due(listpack: Listpack): Uint8Array {
  const element = listpack.next();
  if (element === undefined) throw listpack.corrupt();
  return element;
}

function sumOf(base: bigint, difference: number | bigint): bigint {
  return BigInt.asUintN(64, base + BigInt(difference));
}

function corrupt(what: string, position: number): RdbError {
  return new RdbError('CORRUPT', position, `${what}, at byte ${position}`);
}
