import { RdbError, type RdbPreambleEvent, RdbPreambleReader } from '../src/index.ts';

export interface Outcome {
  readonly events: RdbPreambleEvent[];
  readonly position: number;
  readonly error: { readonly code: string; readonly position: number } | undefined;
}

/** What a reader makes of pieces, each of which is overwritten as soon as it is drained. */
export function readAll(
  pieces: readonly Uint8Array[],
  reader: RdbPreambleReader = new RdbPreambleReader(),
): Outcome {
  const events: RdbPreambleEvent[] = [];
  try {
    for (const piece of pieces) {
      const buffer = Buffer.from(piece);
      reader.push(buffer);
      for (let event = reader.next(); event !== undefined; event = reader.next()) {
        events.push(event);
      }
      buffer.fill(0xfa);
    }
    reader.finish();
    return { events, position: reader.position, error: undefined };
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    const { code, position } = error;
    return { events, position: reader.position, error: { code, position } };
  }
}

/** The aux fields among the events, in order. */
export function auxOf(events: readonly RdbPreambleEvent[]): [string, string][] {
  return events.flatMap((event): [string, string][] =>
    event.type === 'aux' ? [[event.key, event.value]] : [],
  );
}
