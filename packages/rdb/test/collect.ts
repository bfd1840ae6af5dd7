import type { RdbEvent, RdbReaderOptions } from '../src/index.ts';
import { RdbReader } from '../src/index.ts';

/** An event with its bytes as text, one character a byte. */
export type Told = Readonly<Record<string, unknown>> & { readonly type: string };

/** All that a reader tells of pieces, each of which is overwritten as soon as it is drained. */
export function collect(pieces: readonly Uint8Array[], options: RdbReaderOptions = {}): Told[] {
  const reader = new RdbReader(options);
  const told: Told[] = [];
  for (const piece of pieces) {
    const buffer = Buffer.from(piece);
    reader.push(buffer);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      told.push(asTold(event));
    }
    buffer.fill(0xfa);
  }
  reader.finish();
  return told;
}

export function asTold(event: RdbEvent): Told {
  const entries = Object.entries(event).map(([name, value]) => [name, plain(value)] as const);
  return Object.fromEntries(entries) as Told;
}

/** The elements of each key of an RDB, in order. */
export function elementsOfKeys(rdb: Uint8Array): Told[][] {
  const keys: Told[][] = [];
  let isInside = false;
  for (const event of collect([rdb])) {
    if (event.type === 'key') keys.push([]);
    if (event.type === 'key-end') isInside = false;
    if (isInside) keys.at(-1)!.push(event);
    if (event.type === 'key') isInside = true;
  }
  return keys;
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

/** Pieces of a length each. */
export function inPieces(bytes: Uint8Array, length: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length));
  return pieces;
}

/** The data sets of an RDB, a database each, as a client would see them; scores as numbers. */
export function dataSets(told: readonly Told[]): Map<number, Map<string, unknown>> {
  const databases = new Map<number, Map<string, unknown>>();
  let value: unknown;
  let current: Told | undefined;
  for (const event of told) {
    if (event.type === 'key') {
      current = event;
      value =
        event.dataType === 'string'
          ? ''
          : event.dataType === 'list' || event.dataType === 'set'
            ? []
            : {};
    } else if (event.type === 'value') value = event.value;
    else if (event.type === 'item') (value as unknown[]).push(event.value);
    else if (event.type === 'member') (value as unknown[]).push(event.member);
    else if (event.type === 'scored')
      (value as Record<string, unknown>)[event.member as string] = event.score;
    else if (event.type === 'field')
      (value as Record<string, unknown>)[event.field as string] = event.value;
    else if (event.type === 'key-end' && current !== undefined) {
      const database = current.database as number;
      const keys = databases.get(database) ?? new Map<string, unknown>();
      databases.set(database, keys.set(current.key as string, value));
    }
  }
  return databases;
}
