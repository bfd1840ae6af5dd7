import { crc32 } from 'node:zlib';
import { pathIn } from '../directory/paths.ts';
import { LogError, orLogError } from '../errors.ts';
import type { IncrementReader } from '../increment/increment-reader.ts';
import type { IndexRecord } from '../index-file/record.ts';
import type { OpenPlan, PartSource } from './plan.ts';
import { readAhead } from './read-ahead.ts';

/** Bytes read at once; more where one span is longer. */
const AT_ONCE = 1024 * 1024;

/**
 * The bytes of a plan's base, each piece valid until the next is asked for.
 *
 * @throws {LogError} `CORRUPT` in the end, where they are not what was taken in; `IO`
 */
export async function* checkedBase(plan: OpenPlan): AsyncGenerator<Uint8Array, void, void> {
  const { base, baseFile, directory } = plan;
  const path = pathIn(directory, base.name);
  const read = ({ place }: { place: number }, into: Uint8Array) =>
    orLogError(path, 'reading', async () => into.subarray(0, await baseFile.read(into, place)));
  let crc = 0;
  let size = 0;
  for await (const [, bytes] of readAhead(piecesOf(base.size), read)) {
    crc = crc32(bytes, crc);
    size += bytes.length;
    yield bytes;
  }
  if (size === base.size && crc === base.crc) return;
  const found = `${size} bytes with CRC-32 ${hex(crc)}`;
  const message = `${path} is damaged: it has ${found}, and had ${base.size} with ${hex(base.crc)}`;
  throw new LogError('CORRUPT', path, message);
}

/** A piece of stream, valid until the next is asked for. */
export interface CheckedPiece {
  readonly bytes: Uint8Array;
  /** Its bytes by when they arrived: up to which place in the piece, and milliseconds since 1970. */
  readonly arrivals: readonly { readonly end: number; readonly time: number }[];
}

/**
 * The stream of a part. Spans are read whole, and given when their CRC is right; what no record covers
 * is given where there may be such.
 *
 * @throws {LogError} `CORRUPT`, `IO`
 */
export async function* checkedStream(source: PartSource): AsyncGenerator<CheckedPiece, void, void> {
  const { reader, to, tailTime } = source;
  const read = ({ start }: Batch, into: Uint8Array) => reader.readInto(into, start + 1);
  for await (const [batch, bytes] of readAhead(batchesOf(source), read)) {
    let end = batch.start;
    for (const record of batch.records) {
      reader.check(bytes.subarray(end - batch.start, record.end - batch.start), end, record);
      end = record.end;
    }
    if (bytes.length < batch.length) throw cut(reader, batch.start + bytes.length, to);
    const length = Math.min(bytes.length, to - batch.start);
    const times = batch.records.map(({ end, time }) => ({ end: end - batch.start, time }));
    const arrivals = times.length > 0 ? times : [{ end: length, time: tailTime ?? 0 }];
    yield { bytes: bytes.subarray(0, length), arrivals };
  }
}

/** Spans that are read at once, or what comes after the last of them. */
interface Batch {
  /** Offset of the last byte before the first. */
  readonly start: number;
  readonly length: number;
  readonly records: readonly IndexRecord[];
}

async function* batchesOf({ reader, to, tailTime }: PartSource): AsyncGenerator<Batch, void, void> {
  let start = reader.increment.startOffset;
  let end = start;
  let records: IndexRecord[] = [];
  let number = 0;
  for await (const record of reader.index.from(0)) {
    if (record === undefined || record.end < end) throw reader.index.damaged(number);
    number++;
    records.push(record);
    end = record.end;
    if (end - start < AT_ONCE && end < to) continue;
    yield { start, length: end - start, records };
    [start, records] = [end, []];
    if (end >= to) return;
  }
  if (end > start) yield { start, length: end - start, records };
  if (end < to && tailTime === undefined) throw reader.index.damaged(number);
  for (; end < to; end += AT_ONCE) {
    yield { start: end, length: Math.min(AT_ONCE, to - end), records: [] };
  }
}

function cut({ path }: IncrementReader, end: number, to: number): LogError {
  const message = `${path} is cut: it ends at offset ${end}, and held the stream up to ${to}`;
  return new LogError('CORRUPT', path, message);
}

function* piecesOf(size: number): Generator<{ place: number; length: number }, void, void> {
  for (let place = 0; place < size; place += AT_ONCE) {
    yield { place, length: Math.min(AT_ONCE, size - place) };
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
