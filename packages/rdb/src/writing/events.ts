import type { RdbEvent, RdbKey } from '../format/events.ts';

/**
 * A key that is to be written: what a reader tells of one, or less. After it come the elements of its value,
 * as a reader tells them, and `key-end`.
 */
export interface WritableKey
  extends Pick<RdbKey, 'type' | 'key' | 'dataType'>,
    Partial<Pick<RdbKey, 'expiresAt' | 'idle' | 'frequency' | 'metadata'>> {
  /** The database it is in; undefined: the one told of last. */
  readonly database?: number | undefined;
  /** The number of its type in the RDB that it was read from. */
  readonly valueType?: number | undefined;
  /**
   * Of a hash: whether any of its fields may expire, which is to be known ahead. Undefined: as `valueType`
   * says, or else none does.
   */
  readonly fieldsExpire?: boolean | undefined;
}

/**
 * What a writer takes: the events of a reader at the levels `elements` and `raw`, and what is like them. A
 * `container`, of the level `structure`, it does not take apart.
 */
export type WritableEvent =
  | Exclude<RdbEvent, { type: 'key' | 'key-end' | 'end' }>
  | WritableKey
  | { readonly type: 'key-end' }
  | { readonly type: 'end' };

/** Something that the target has no words for, and that was left out. */
export interface RdbLoss {
  /** The key it is of; undefined: of none. */
  readonly key: Uint8Array | undefined;
  /**
   * - `key`: the key, for its type is not known there;
   * - `field-times`: the times of the fields of a hash, which stay without;
   * - `idempotence`: which messages of a stream were added;
   * - `metadata`: what modules tell of a key, which stays without;
   * - `function`, `module-aux`, `slot-import`: those.
   */
  readonly what:
    | 'key'
    | 'field-times'
    | 'idempotence'
    | 'metadata'
    | 'function'
    | 'module-aux'
    | 'slot-import';
}
