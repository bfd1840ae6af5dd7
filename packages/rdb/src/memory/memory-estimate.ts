import type { RdbEvent, RdbKey } from '../format/events.ts';
import { stringsOf } from '../values/element-strings.ts';

const POINTER = 8;
/** An entry of a table with its place in it (`dict.c`). */
const ENTRY = allocated(24) + POINTER;
const OBJECT = 16;
/** The longest string that is in one piece with its object (`OBJ_ENCODING_EMBSTR_SIZE_LIMIT`). */
const MOST_EMBEDDED = 44;
const TABLE = 56;
const QUICKLIST = 48;
const QUICKLIST_NODE = 32;
/** Member, score and the mean of its levels (`t_zset.c`); what all of them share. */
const SKIPLIST_NODE = 48;
const SKIPLIST = 32 + 640;
/** A stream, and a node of its tree with the id of the entries in it. */
const STREAM = 80;
const STREAM_NODE = 64;
const GROUP = 112;
const CONSUMER = 96;
/** A pending entry and its place in two trees: its group's and its consumer's. */
const PENDING = 32 + 2 * 48;
const FIELD_TIME = 24;

/**
 * Estimates the memory of a key in a 64-bit Redis 7, from its value at the level `structure`: the allocations of
 * jemalloc for the key, its entries in hash tables, the object, and the value in the encoding that it has in the RDB.
 * Spare capacity of tables and buffers is not included.
 */
export class MemoryEstimate {
  #bytes = 0;

  /** The estimate for the current key, from the part of its value that was added. */
  get bytes(): number {
    return this.#bytes;
  }

  begin({ key, expiresAt, dataType, encoding }: RdbKey): void {
    this.#bytes = ENTRY + stringOf(key.length) + OBJECT;
    if (expiresAt !== undefined) this.#bytes += ENTRY;
    if (encoding === 'hashtable') this.#bytes += TABLE;
    else if (encoding === 'skiplist') this.#bytes += TABLE + SKIPLIST;
    else if (dataType === 'list') this.#bytes += QUICKLIST;
    else if (dataType === 'stream') this.#bytes += STREAM;
  }

  take(event: RdbEvent): void {
    this.#bytes += sizeOf(event);
  }
}

function sizeOf(event: RdbEvent): number {
  switch (event.type) {
    case 'long-end': {
      const strings = stringsOf(event.element);
      const long = event.lengths.filter((length, i) => length !== strings[i]?.length);
      return long.reduce((sum, length) => sum + stringOf(length), sizeOf(event.element));
    }
    case 'value':
      return textSize(event.value);
    case 'container': {
      const node = event.container === 'stream-listpack' ? STREAM_NODE : QUICKLIST_NODE;
      return node + allocated(event.bytes.length);
    }
    case 'item':
    case 'slot-value':
      return QUICKLIST_NODE + allocated(event.value.length);
    case 'member':
      return ENTRY + stringOf(event.member.length);
    case 'scored':
      return ENTRY + SKIPLIST_NODE + stringOf(event.member.length);
    case 'field': {
      const time = event.expiresAt === undefined ? 0 : FIELD_TIME;
      return ENTRY + stringOf(event.field.length) + stringOf(event.value.length) + time;
    }
    case 'group':
      return GROUP + event.name.length;
    case 'consumer':
      return CONSUMER + stringOf(event.name.length);
    case 'pending':
      return PENDING;
    case 'module-value':
      return event.value instanceof Uint8Array ? allocated(event.value.length) : POINTER;
    default:
      return 0;
  }
}

/** What a string adds to its object. */
function textSize(value: Uint8Array): number {
  if (value.length <= 20 && isInteger(value)) return 0;
  if (value.length <= MOST_EMBEDDED) return allocated(OBJECT + 4 + value.length) - OBJECT;
  return stringOf(value.length);
}

function isInteger(value: Uint8Array): boolean {
  const from = value[0] === 45 ? 1 : 0;
  for (let i = from; i < value.length; i++) if (value[i]! < 48 || value[i]! > 57) return false;
  return value.length > from;
}

/** A string with its header and the zero after it (`sds.c`). */
function stringOf(length: number): number {
  const header = length < 32 ? 1 : length < 256 ? 3 : length < 65_536 ? 5 : 9;
  return allocated(header + length + 1);
}

/** What jemalloc gives for so many bytes: four sizes between a power of two and the next. */
function allocated(size: number): number {
  if (size <= 8) return 8;
  if (size <= 128) return Math.ceil(size / 16) * 16;
  const step = 2 ** (Math.floor(Math.log2(size - 1)) - 2);
  return Math.ceil(size / step) * step;
}
