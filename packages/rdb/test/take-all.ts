import { concatBytes } from '@forebay/testkit';
import type { RdbEvent, RdbReader } from '../src/index.ts';

/** A class that takes the events of its reader and returns bytes. */
interface Taker {
  readonly reader: RdbReader;
  push?(chunk: Uint8Array): void;
  take(event: RdbEvent): Iterable<Uint8Array>;
  drained?(): Iterable<Uint8Array>;
}

/** All bytes that it returns for an RDB in chunks; each chunk is overwritten as soon as it is drained. */
export function takeAll(taker: Taker, pieces: readonly Uint8Array[]): Uint8Array {
  const given: Uint8Array[] = [];
  const keep = (parts: Iterable<Uint8Array>): void => {
    for (const bytes of parts) given.push(Uint8Array.from(bytes));
  };
  for (const piece of pieces) {
    const buffer = Buffer.from(piece);
    if (taker.push === undefined) taker.reader.push(buffer);
    else taker.push(buffer);
    eachEvent(taker.reader, (event) => keep(taker.take(event)));
    keep(taker.drained?.() ?? []);
    buffer.fill(0xfa);
  }
  taker.reader.finish();
  return concatBytes(given);
}

/** Passes the events of the pushed bytes to `take`. */
export function eachEvent(reader: RdbReader, take: (event: RdbEvent) => void): void {
  for (let event = reader.next(); event !== undefined; event = reader.next()) take(event);
}
