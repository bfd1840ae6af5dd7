import { RdbError } from '../format/errors.ts';
import type { RdbElement } from '../format/events.ts';
import type { RdbLoss, WritableKey } from './events.ts';
import type { OutputOptions } from './output.ts';
import { ListPacker, OldListPacker, StreamPacker } from './packers.ts';
import type { Shape } from './shape.ts';
import * as shapes from './shapes.ts';
import { can, type RdbTarget } from './target.ts';

/** How a value is written. */
export interface Plan {
  /** The number of its type. */
  readonly valueType: number;
  readonly shape: Shape;
  /** A hash whose fields have no times in it. */
  readonly isTimeless?: boolean;
  /** What of it the target cannot say. */
  readonly loses?: RdbLoss['what'];
  /** Elements that have no place in it, and their counts. */
  readonly without?: ReadonlySet<RdbElement['type']>;
  /** Of those, what cannot be left out either. */
  readonly cannotLose?: RdbElement['type'];
}

/** Types of streams, from the first form on (`rdb.h`, RDB_TYPE_STREAM_LISTPACKS and those after it). */
const STREAM_TYPES = [15, 19, 21, 26, 27];
/** The form that all streams can be written in: what later ones add is only in those that were read so. */
const PLAIN_FORM = 3;
const NODE: ReadonlySet<RdbElement['type']> = new Set(['node']);
const IDEMPOTENCE: ReadonlySet<RdbElement['type']> = new Set([
  'idempotence',
  'producer',
  'produced',
  'idempotence-counts',
]);
const TYPES_WITH_FIELD_TIMES: ReadonlySet<number | undefined> = new Set([22, 23, 24, 25]);

/** Whether an element has a place in what is planned. @throws {RdbError} `UNSUPPORTED` */
export function hasPlace({ without, cannotLose }: Plan, element: RdbElement): boolean {
  const type = element.type === 'count' ? element.of : element.type;
  if (!without?.has(type)) return true;
  const isNone = element.type === 'count' && element.count === 0;
  if (type !== cannotLose || isNone) return false;
  throw new RdbError('UNSUPPORTED', 0, `the target has no form of ${type}`);
}

/** Decides how each value is written: in the plain encodings, which every server takes. */
export class Planner {
  readonly #target: RdbTarget;
  readonly #listPacker: ListPacker | OldListPacker;
  readonly #streamPacker: StreamPacker;

  constructor(target: RdbTarget, options: OutputOptions) {
    this.#target = target;
    this.#listPacker = can(target, 'listpacks')
      ? new ListPacker(options)
      : new OldListPacker(options);
    this.#streamPacker = new StreamPacker(options);
  }

  /** `first`: what comes first of its value; undefined where nothing does. No plan: there is no such type. */
  planOf(key: WritableKey, first: RdbElement | undefined): Plan | undefined {
    const target = this.#target;
    switch (key.dataType) {
      case 'string':
        return { valueType: 0, shape: shapes.STRING };
      case 'list':
        return this.#list(first);
      case 'set':
        return { valueType: 2, shape: shapes.SET };
      case 'zset':
        return can(target, 'binaryScores')
          ? { valueType: 5, shape: shapes.SORTED_SET }
          : { valueType: 3, shape: shapes.OLD_SORTED_SET };
      case 'hash':
        return this.#hash(key);
      case 'stream':
        return can(target, 'streams') ? this.#stream(key) : undefined;
      case 'array':
        return can(target, 'arrays') ? { valueType: 28, shape: shapes.ARRAY } : undefined;
      case 'module':
        return can(target, 'modules') ? { valueType: 7, shape: shapes.MODULE } : undefined;
    }
  }

  /** Where it is told of nodes, it is known how many there are, though not how many elements. */
  #list(first: RdbElement | undefined): Plan {
    const inNodes = first?.type === 'node' || (first?.type === 'count' && first.of === 'node');
    if (!inNodes) return { valueType: 1, shape: shapes.LIST };
    if (!can(this.#target, 'nodes')) return { valueType: 1, shape: shapes.LIST, without: NODE };
    const shape = shapes.listOfNodes(this.#listPacker);
    return { valueType: can(this.#target, 'listpacks') ? 18 : 14, shape };
  }

  #hash({ fieldsExpire, valueType }: WritableKey): Plan {
    const plain = { valueType: 4, shape: shapes.HASH, isTimeless: true };
    if (!(fieldsExpire ?? TYPES_WITH_FIELD_TIMES.has(valueType))) return plain;
    if (!can(this.#target, 'fieldTimes')) return { ...plain, loses: 'field-times' };
    return this.#target.magic === 'VALKEY'
      ? { valueType: 22, shape: shapes.HASH_OF_VALKEY }
      : { valueType: 24, shape: shapes.HASH_OF_REDIS };
  }

  /** In the form that it has, where the target knows it: so nothing has to be made up. */
  #stream({ valueType }: WritableKey): Plan {
    const own = valueType === undefined ? 0 : 1 + STREAM_TYPES.indexOf(valueType);
    const form = Math.min(own === 0 ? PLAIN_FORM : own, this.#streamForm());
    const shape = shapes.streamOf(form, this.#streamPacker);
    const plan = { valueType: STREAM_TYPES[form - 1]!, shape };
    if (own <= form || own < 4) return plan;
    const without = new Set<RdbElement['type']>(form < 4 ? IDEMPOTENCE : []);
    // An entry that is pending and nobody's has no place in a group before.
    without.add('negative');
    return {
      ...plan,
      without,
      cannotLose: 'negative',
      ...(form < 4 ? { loses: 'idempotence' } : {}),
    };
  }

  #streamForm(): number {
    const target = this.#target;
    if (can(target, 'arrays')) return 5;
    if (can(target, 'idempotence')) return 4;
    if (can(target, 'consumersActive')) return 3;
    return can(target, 'listpacks') ? 2 : 1;
  }
}
