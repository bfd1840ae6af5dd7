/**
 * A value of RESP2 or RESP3, its wire type kept apart. `attributes` are those that preceded it
 * (`|`). `streamed` is true where it came, or is to go, in parts of a length not announced.
 */
export type RespValue =
  | RespSimple
  | RespFailure
  | RespBulk
  | RespNumber
  | RespNull
  | RespBoolean
  | RespDouble
  | RespBigNumber
  | RespVerbatim
  | RespMap
  | RespSequence;

/** What attributes and maps are made of: keys may be any value and may repeat; the order is kept. */
export type RespEntries = readonly (readonly [RespValue, RespValue])[];

interface Attributed {
  readonly attributes?: RespEntries;
}

/** `+`: a line of text, without CR or LF. */
export interface RespSimple extends Attributed {
  readonly type: 'simple';
  readonly text: string;
}

/** `-`, or `!` for a `bulk-error`, which may hold line ends. */
export interface RespFailure extends Attributed {
  readonly type: 'error' | 'bulk-error';
  /** The first word of `message`: `ERR`, `LOADING`, `NOMASTERLINK`. Not encoded by itself. */
  readonly code: string;
  /** The whole text as it is on the wire, the code included. */
  readonly message: string;
}

/** `$`: any bytes. */
export interface RespBulk extends Attributed {
  readonly type: 'bulk';
  readonly bytes: Uint8Array;
  readonly streamed?: true;
}

/** `:`: a signed integer of 64 bits; a bigint where a number would not be exact. */
export interface RespNumber extends Attributed {
  readonly type: 'number';
  readonly value: number | bigint;
}

/** `_`, or the nulls of RESP2: `$-1` (`of` is `bulk`) and `*-1` (`array`). */
export interface RespNull extends Attributed {
  readonly type: 'null';
  readonly of?: 'bulk' | 'array';
}

/** `#`. */
export interface RespBoolean extends Attributed {
  readonly type: 'boolean';
  readonly value: boolean;
}

/** `,`: any double, infinities and not-a-number included. */
export interface RespDouble extends Attributed {
  readonly type: 'double';
  readonly value: number;
}

/** `(`: an integer of any size. */
export interface RespBigNumber extends Attributed {
  readonly type: 'big-number';
  readonly value: bigint;
}

/** `=`: bytes, and three characters that say what they are (`txt`, `mkd`). */
export interface RespVerbatim extends Attributed {
  readonly type: 'verbatim';
  readonly format: string;
  readonly bytes: Uint8Array;
}

/** `%`. */
export interface RespMap extends Attributed {
  readonly type: 'map';
  readonly entries: RespEntries;
  readonly streamed?: true;
}

/** `*`, `~` and `>`. */
export interface RespSequence extends Attributed {
  readonly type: 'array' | 'set' | 'push';
  readonly items: readonly RespValue[];
  readonly streamed?: true;
}
