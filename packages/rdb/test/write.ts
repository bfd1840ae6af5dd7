import { concatBytes } from '@forebay/testkit';
import type { RdbEvent, RdbTarget, RdbWriterOptions, WritableEvent } from '../src/index.ts';
import { RdbReader, RdbWriter } from '../src/index.ts';
import { asTold, inPieces, type Told } from './collect.ts';

/** The versions of RDB that can be written. */
export const TARGETS: readonly RdbTarget[] = [
  ...[6, 7, 8, 9, 10, 11, 12, 13, 14].map((version) => ({ magic: 'REDIS', version }) as const),
  { magic: 'VALKEY', version: 80 },
];

/** The RDB of those events, an end included; taken whenever there is more than `takeAt`. */
export function written(
  target: RdbTarget,
  events: readonly WritableEvent[],
  options: RdbWriterOptions = {},
  takeAt = Number.POSITIVE_INFINITY,
): Uint8Array {
  const writer = new RdbWriter(target, options);
  const pieces: Uint8Array[] = [];
  for (const event of [...events, { type: 'end' } as const]) {
    writer.write(event);
    if (writer.pending > takeAt) pieces.push(writer.take());
  }
  return concatBytes([...pieces, writer.take()]);
}

export interface RewriteOptions extends RdbWriterOptions {
  /** Values are passed on as they are, where the target reads them so. */
  readonly raw?: boolean;
  /** Whether the reader tells of counts, so that little is held; it does by default. */
  readonly counts?: boolean;
  /** Bytes that the reader is given at a time. */
  readonly pieces?: number;
  /** What is passed on of what is read. */
  readonly pass?: (event: RdbEvent) => boolean;
}

/** An RDB read, and written for a target. */
export function rewritten(
  rdb: Uint8Array,
  target: RdbTarget,
  {
    raw = false,
    counts = true,
    pieces = 65_536,
    pass = () => true,
    ...options
  }: RewriteOptions = {},
): Uint8Array {
  const reader = new RdbReader({ counts });
  const writer = new RdbWriter(target, options);
  const taken: Uint8Array[] = [];
  for (const piece of inPieces(rdb, pieces)) {
    const buffer = Buffer.from(piece);
    reader.push(buffer);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'key') reader.level = raw && writer.takesRaw(event) ? 'raw' : 'elements';
      if (pass(event)) writer.write(event);
    }
    buffer.fill(0xfa);
    if (writer.pending > 10_000) taken.push(writer.take());
  }
  reader.finish();
  taken.push(writer.take());
  return concatBytes(taken);
}

/** What is read of an RDB, without what it says of how its values are kept. */
export function contentsOf(told: readonly Told[]): Told[] {
  return told
    .filter(({ type }) => type !== 'count' && type !== 'node' && type !== 'header')
    .map(({ position: _, encoding: __, valueType: ___, size: ____, ...rest }) => rest as Told);
}

/** What the same would be of events that are written. */
export function contentsOfEvents(events: readonly WritableEvent[]): Told[] {
  return contentsOf(events.map((event) => asTold(event as RdbEvent)));
}
