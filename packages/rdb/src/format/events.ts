/** The words an RDB can begin with: Valkey has its own since 9.0. */
export type RdbMagic = 'REDIS' | 'VALKEY';

/** What a value is, in the servers' words (`TYPE`); a module's type is named in its value. */
export type DataType = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream' | 'array' | 'module';

/** All data types, in the order of lists in output. */
export const DATA_TYPES: readonly DataType[] = [
  'string',
  'list',
  'set',
  'zset',
  'hash',
  'stream',
  'array',
  'module',
];

/** The containers that have their elements side by side in one string. */
export type ContainerName = 'zipmap' | 'ziplist' | 'intset' | 'listpack' | 'stream-listpack';

/** A key, and what is told of it before its value. */
export interface RdbKey {
  readonly type: 'key';
  readonly database: number;
  readonly key: Uint8Array;
  readonly dataType: DataType;
  /**
   * How the server kept it, in the words of `OBJECT ENCODING`. Of a string always `raw`: whether it was `int`
   * or `embstr` in memory is not in an RDB.
   */
  readonly encoding: string;
  /** The number of its type in the RDB. */
  readonly valueType: number;
  /** Milliseconds since 1970 at which it expires; undefined: it does not. */
  readonly expiresAt: number | undefined;
  /** Seconds that it was not used (`maxmemory-policy` LRU). */
  readonly idle: number | undefined;
  /** How often it was used, 0 to 255, logarithmic (LFU). */
  readonly frequency: number | undefined;
  /** What modules tell of it, as it stands in the RDB after its opcode (Redis 8.6 and later). */
  readonly metadata: Uint8Array | undefined;
  /** Where its type is in the RDB, in bytes from the beginning. */
  readonly position: number;
}

/** Returns whether a key is selected. */
export type KeySelection = (key: RdbKey) => boolean;

/** What stands outside of the values. */
export type RdbFrame =
  /** The first nine bytes. `version` is 1 to 9999. */
  | { readonly type: 'header'; readonly magic: RdbMagic; readonly version: number }
  /** An auxiliary field, one character a byte. Keys can come twice: `lua` does, once a script. */
  | { readonly type: 'aux'; readonly key: string; readonly value: string }
  /** What comes is in this database. */
  | { readonly type: 'database'; readonly database: number }
  /** How many keys the database has, and how many of them expire. */
  | { readonly type: 'sizes'; readonly keys: number; readonly expires: number }
  /** The same of a slot of a cluster (Redis 7.4 and later). */
  | {
      readonly type: 'slot';
      readonly slot: number;
      readonly keys: number;
      readonly expires: number;
    }
  /** Slots that were being imported (Valkey 9 and later). */
  | {
      readonly type: 'slot-import';
      readonly job: string;
      readonly ranges: readonly (readonly [number, number])[];
    }
  /** The code of a library of functions (7.0 and later). */
  | { readonly type: 'function'; readonly code: Uint8Array }
  /** What a module keeps beside its keys; `bytes` as they stand in the RDB. */
  | { readonly type: 'module-aux'; readonly module: ModuleId; readonly bytes: Uint8Array }
  | RdbKey
  /** The value is read. `size`: the bytes it has in the RDB, without its key. */
  | { readonly type: 'key-end'; readonly size: number }
  /** The end. The checksum was right, or there is none. */
  | { readonly type: 'end'; readonly checksum: 'right' | 'none' };

/** Which module wrote something: the name of its type, nine characters, and the version of its form. */
export interface ModuleId {
  readonly name: string;
  readonly version: number;
}

/** Of a value at the level `raw`: its bytes as they stand in the RDB; in pieces, where there are many. */
export interface RawPiece {
  readonly type: 'raw';
  readonly bytes: Uint8Array;
}

/** Of a value at the level `structure`: a string that holds several elements, expanded. */
export interface RdbContainer {
  readonly type: 'container';
  readonly container: ContainerName;
  readonly bytes: Uint8Array;
  /** Of a `stream-listpack`: what the ids of its entries are counted from. */
  readonly id?: string;
}

/** What there may be many of, each named as its event is. */
export type Counted =
  | 'item'
  | 'member'
  | 'scored'
  | 'field'
  | 'slot-value'
  | 'node'
  | 'group'
  | 'pending'
  | 'consumer'
  | 'consumer-pending'
  | 'negative'
  | 'producer'
  | 'produced';

/** What values are made of. Ids of streams are text, `<ms>-<sequence>`, as everywhere. */
export type RdbElement =
  /**
   * How many of those are to come, one level down from what was told before; where that stands in the RDB
   * by itself, as it does not for what is in a container. This and `node`: only where the reader is told to.
   */
  | { readonly type: 'count'; readonly of: Counted; readonly count: number }
  /** What comes is in a node of its own, of a list or a stream; not told at the level `structure`. */
  | { readonly type: 'node' }
  /** A string. */
  | { readonly type: 'value'; readonly value: Uint8Array }
  /** Of a list, from left to right. */
  | { readonly type: 'item'; readonly value: Uint8Array }
  /** Of a set. */
  | { readonly type: 'member'; readonly member: Uint8Array }
  /** Of a sorted set. */
  | { readonly type: 'scored'; readonly member: Uint8Array; readonly score: number }
  /** Of a hash. `expiresAt`: milliseconds since 1970; undefined where the field does not expire. */
  | {
      readonly type: 'field';
      readonly field: Uint8Array;
      readonly value: Uint8Array;
      readonly expiresAt: number | undefined;
    }
  /** Of an array (Redis 8.8 and later). */
  | { readonly type: 'slot-value'; readonly index: bigint; readonly value: Uint8Array }
  /** Where the next `ARINSERT` of an array goes. */
  | { readonly type: 'insert-index'; readonly index: bigint }
  | StreamElement
  /** Which module's the value is. */
  | { readonly type: 'module-id'; readonly module: ModuleId }
  /** One of the numbers and strings that a module has written. */
  | {
      readonly type: 'module-value';
      readonly kind: 'signed' | 'unsigned' | 'float' | 'double' | 'string';
      readonly value: Uint8Array | bigint | number;
    };

/** Of a stream: its entries, then what it says of itself, then its groups, each with what is in it. */
export type StreamElement =
  /** `fields`: fields and values in turn. */
  | { readonly type: 'entry'; readonly id: string; readonly fields: readonly Uint8Array[] }
  | {
      readonly type: 'stream';
      readonly length: number;
      readonly lastId: string;
      /** The next three: since Redis 7.0. */
      readonly firstId: string | undefined;
      readonly maxDeletedId: string | undefined;
      readonly entriesAdded: bigint | undefined;
    }
  | {
      readonly type: 'group';
      readonly name: Uint8Array;
      readonly lastId: string;
      /** Since Redis 7.0; undefined also where it is not known. */
      readonly entriesRead: bigint | undefined;
    }
  /** An entry of the group that nobody has acknowledged; whose it is, `consumer-pending` tells. */
  | {
      readonly type: 'pending';
      readonly id: string;
      /** Milliseconds since 1970. */
      readonly deliveredAt: number;
      readonly deliveries: number;
    }
  /** Times are milliseconds since 1970; `activeAt` since Redis 7.2, -1 where it never was. */
  | {
      readonly type: 'consumer';
      readonly name: Uint8Array;
      readonly seenAt: number;
      readonly activeAt: number | undefined;
    }
  /** A pending entry of the consumer told of last. */
  | { readonly type: 'consumer-pending'; readonly id: string }
  /** A pending entry that its consumer gave back (`XNACK`, Redis 8.8 and later). */
  | { readonly type: 'negative'; readonly id: string }
  /** How long, and how many of, the ids of messages are kept that were added (Redis 8.6 and later). */
  | { readonly type: 'idempotence'; readonly duration: number; readonly most: number }
  | { readonly type: 'producer'; readonly id: Uint8Array }
  /** Of the producer told of last: a message's own id, and the entry that it became. */
  | { readonly type: 'produced'; readonly message: Uint8Array; readonly id: string }
  /** How many messages were added, and how many of them were there already. */
  | { readonly type: 'idempotence-counts'; readonly counts: readonly [bigint, bigint] };

/**
 * An element with a string longer than the reader's `maxLength`, in place of that element: for each such string
 * `long` and its `piece`s, and `long-end` after all that belongs to the element. `long` and `long-end` tell the
 * element with an empty string for each long one.
 */
export type RdbLongElement =
  | {
      readonly type: 'long';
      /** The part that was read: fields after the string are 0 or empty. */
      readonly element: RdbElement;
      /** Which of its strings it is, counted from 0: of a `field` 0 is its name, 1 its value. */
      readonly string: number;
      /** Bytes that the pieces have together. */
      readonly length: number;
    }
  | { readonly type: 'piece'; readonly bytes: Uint8Array }
  | {
      readonly type: 'long-end';
      readonly element: RdbElement;
      readonly lengths: readonly number[];
    };

/** What a reader has found next. */
export type RdbEvent = RdbFrame | RawPiece | RdbContainer | RdbElement | RdbLongElement;

/**
 * How far values are taken apart: not at all; into elements and containers, as they stand in the RDB; or
 * into elements alone.
 */
export type RdbLevel = 'raw' | 'structure' | 'elements';
