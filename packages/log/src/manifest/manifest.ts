import type { History } from '@forebay/psync';
import { BLANK_ID } from '@forebay/psync';

/** The directory inside of the data directory, and the name its files begin with, as servers name them. */
export const APPEND_DIRECTORY = 'appendonlydir';
export const MANIFEST_NAME = 'appendonly.aof.manifest';

/** An id of a history, and where it began. */
export interface IdSpan {
  readonly id: string;
  /** Offset of the last byte before the first that came under this id. */
  readonly from: number;
}

/** A snapshot, as it came. */
export interface Base {
  readonly name: string;
  readonly sequence: number;
  /** Offset of the last byte of the stream that it contains. */
  readonly offset: number;
  readonly size: number;
  /** CRC-32 of the file. */
  readonly crc: number;
  /** When it was taken in, milliseconds since 1970. */
  readonly time: number;
}

/** One file of verbatim stream, and its index. */
export interface Increment {
  readonly name: string;
  readonly index: string;
  readonly sequence: number;
  /** Offset of the last byte of the stream before this file's first. */
  readonly startOffset: number;
  /** The database selected there: the file begins with a SELECT of it, which no offset counts. */
  readonly database: number;
}

/** A stretch of stream without a break. */
export interface Segment {
  /** Names the segment for good: 1 or more. */
  readonly number: number;
  /** Its ids, from the oldest that is known; the last is the current one. */
  readonly ids: readonly [IdSpan, ...IdSpan[]];
  /**
   * Ids that were given up, and nothing of which is held: each names what is before its place, and what came
   * after that under it was taken back.
   */
  readonly aliases: readonly IdSpan[];
  /** In the order of their offsets; an increment starts at each. */
  readonly bases: readonly Base[];
  /** In the order of the stream, each beginning where the one before it ends. */
  readonly increments: readonly [Increment, ...Increment[]];
}

/** A segment that is not written to any more. */
export interface PastSegment extends Segment {
  /** `reset`: a full resync replaced it; `rewound`: the tail that a step back moved aside. */
  readonly by: 'reset' | 'rewound';
  /** Offset of its last byte. */
  readonly end: number;
  /** When it ended, milliseconds since 1970. */
  readonly ended: number;
  readonly reason: string;
}

/** The one commit point: what the log is, in the form of a multi-part append-only directory. */
export interface Manifest {
  /** What is written to; it has a base. */
  readonly live: Segment;
  /** Oldest first. */
  readonly past: readonly PastSegment[];
  /**
   * Bytes of the last increment at a clean close; undefined while it is written to. A server that
   * was booted in the directory has appended to it, and may have left the manifest as it was.
   */
  readonly closedSize?: number;
  /**
   * Offset at which the stream of the last increment ends, where that is a copy and what the file holds after
   * it belongs elsewhere. Never in the file: see `settleCopy`.
   */
  readonly limit?: number;
}

/** The increment that is appended to, or was last. */
export function lastIncrement({ increments }: Pick<Segment, 'increments'>): Increment {
  return increments.at(-1) ?? increments[0];
}

/** The ids that can be asked for. */
export function historyOf({ ids }: Pick<Segment, 'ids'>): History {
  const last = ids.at(-1) ?? ids[0];
  const second = ids.at(-2);
  if (second === undefined) return { id: last.id, secondId: BLANK_ID, secondIdLimit: -1 };
  return { id: last.id, secondId: second.id, secondIdLimit: last.from + 1 };
}

export function baseName(sequence: number): string {
  return `appendonly.aof.${sequence}.base.rdb`;
}

export function incrementName(sequence: number): string {
  return `appendonly.aof.${sequence}.incr.aof`;
}

export function indexName(sequence: number): string {
  return `appendonly.aof.${sequence}.index`;
}

/** The sequence number in the name of a file of ours; undefined for any other name. */
export function sequenceOf(name: string): number | undefined {
  const found = /^appendonly\.aof\.(\d+)\.(?:base\.rdb|incr\.aof|index)$/.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The names of all files of a segment. */
function filesOf({ bases, increments }: Pick<Segment, 'bases' | 'increments'>): string[] {
  return [
    ...bases.map(({ name }) => name),
    ...increments.flatMap(({ name, index }) => [name, index]),
  ];
}

/** The names of all files that a manifest speaks of. */
export function filesNamedBy({ live, past }: Manifest): string[] {
  return [live, ...past].flatMap(filesOf);
}

/** Offset of the last byte before the first that a segment holds. */
export function startOf({ increments }: Pick<Segment, 'increments'>): number {
  return increments[0].startOffset;
}

/** The highest sequence number of the files that a manifest names. */
export function newestSequence(manifest: Manifest): number {
  return Math.max(0, ...filesNamedBy(manifest).map((name) => sequenceOf(name) ?? 0));
}
