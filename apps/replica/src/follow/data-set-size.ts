import type { Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import { shellWord } from '../output/shell-word.ts';
import { formatBytes } from '../reporter.ts';

/** How large a data set is, as far as it is known. */
export interface DataSetSize {
  /** Bytes of its snapshot. */
  readonly bytes: number;
  /** Number of keys; undefined if they were not counted. */
  readonly keys: number | undefined;
}

/** The data set before a full resync: its last base, and the stream after it. */
export interface HeldDataSet extends DataSetSize {
  readonly position: Position;
  /** Bytes of the stream after the base. */
  readonly streamed: number;
}

/** Bytes of stream that may be nothing but PINGs. */
const FEW = 4096;

/** Whether a full resync leaves less than half of the data set: by keys if counted, else by bytes. */
export function isShrunk(before: HeldDataSet, after: DataSetSize): boolean {
  if (after.keys === 0 && before.streamed > FEW) return true;
  if (before.keys !== undefined && after.keys !== undefined) return after.keys * 2 < before.keys;
  return after.bytes * 2 < before.bytes;
}

/** A warning: the size of the loss, and the command that restores the old data set. */
export function shrunkMessage(before: HeldDataSet, after: DataSetSize, directory: string): string {
  const position = formatPosition(before.position);
  const stream = before.streamed > FEW ? ` and ${formatBytes(before.streamed)} of stream` : '';
  return (
    `the full resync left less than half of the data set: ${sizeOf(after)}, where ${sizeOf(before)}${stream} ` +
    `were held up to ${position}; to restore the data set before it: ` +
    `forebay restore ${shellWord(directory)} --out OUT --at ${position}`
  );
}

function sizeOf({ bytes, keys }: DataSetSize): string {
  const size = formatBytes(bytes);
  return keys === undefined ? size : `${keys} keys (${size})`;
}
