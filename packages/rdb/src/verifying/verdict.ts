import type { DataType, RdbMagic } from '../format/events.ts';
import type { Checksum } from './trailing-checksum.ts';

/** Something that a verifier found, and where. */
export interface RdbFinding {
  /**
   * - `damage`: no server loads the RDB: its structure is broken, it has no end, or its checksum is wrong.
   * - `value`: the value or the name of one key is damaged; what follows it is not.
   * - `unreadable`: the RDB is of a version, or a value is of a type, that this code does not know. What
   *   follows was not looked at, other than by the checksum.
   */
  readonly kind: 'damage' | 'value' | 'unreadable';
  /** Where, in bytes from the beginning of the RDB. */
  readonly position: number;
  /** One line for people; it names the byte, and the key where it is known. */
  readonly message: string;
}

/**
 * What an RDB is worth.
 *
 * - `sound`: nothing is wrong with it.
 * - `flawed`: it is what its server wrote, as the checksum proves; a value is damaged or something cannot be
 *   read here, and is named by a finding.
 * - `unproven`: the same, where no checksum proves it.
 * - `damaged`: it is not what its server wrote, or not all of it.
 */
export type RdbOutcome = 'sound' | 'flawed' | 'unproven' | 'damaged';

/** The keys of one database. */
export interface DatabaseCounts {
  readonly database: number;
  readonly keys: number;
  /** Of those, how many have a time to live. */
  readonly expires: number;
  readonly types: Readonly<Partial<Record<DataType, number>>>;
}

/** What a verifier came to. */
export interface RdbVerdict {
  readonly outcome: RdbOutcome;
  /** `absent`: the server left it out, or the version has none. Undefined where the end is missing. */
  readonly checksum: Checksum | undefined;
  /** In the order of the bytes; of damaged values the first ten. */
  readonly findings: readonly RdbFinding[];
  /** How many values are damaged. */
  readonly damagedValues: number;
  /** Bytes of the RDB. */
  readonly bytes: number;
  /** Bytes pushed after its end. */
  readonly after: number;
  readonly magic: RdbMagic | undefined;
  readonly version: number | undefined;
  /** Auxiliary fields; of those that come several times the last, and long values are cut. */
  readonly fields: ReadonlyMap<string, string>;
  /** Keys read; undefined where not all of them could be. */
  readonly keys: number | undefined;
  /** What was read, in the order in which the databases came. */
  readonly databases: readonly DatabaseCounts[];
  readonly functions: number;
}
