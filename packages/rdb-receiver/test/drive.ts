import { bytesOf, concatBytes, stepOfBytes } from '@forebay/testkit';
import { type BulkPayloadReader, RdbReceiverError } from '../src/index.ts';

/**
 * Feeds a reader piece by piece and says what it concluded, one line a finding, in the words of the
 * dialogue files, escaped as there. Neighbouring `bytes` are one line, so that it is the same for every split.
 */
export function conclusionsOf(
  reader: BulkPayloadReader,
  pieces: readonly Uint8Array[],
  closes: boolean,
): string[] {
  const lines: string[] = [];
  let payload: Uint8Array[] = [];
  const conclude = (line: string): void => {
    if (payload.length > 0) lines.push(`bytes ${stepOfBytes(concatBytes(payload))}`);
    payload = [];
    lines.push(line);
  };
  let over = false;
  try {
    for (const piece of pieces) {
      reader.push(piece);
      for (let event = reader.next(); event !== undefined; event = reader.next()) {
        if (event.type === 'bytes') payload.push(new Uint8Array(event.bytes));
        else if (event.type === 'header') conclude(`header ${event.length ?? 'mark'}`);
        else if (event.type === 'refused') conclude(`refused ${stepOfBytes(bytesOf(event.line))}`);
        else conclude(event.type);
        over ||= event.type === 'end' || event.type === 'refused';
      }
      // As with one buffer for all reads: what was drained may be overwritten.
      if (!over) piece.fill(0x21);
    }
    if (closes) reader.finish();
    if (over) conclude(`rest ${stepOfBytes(reader.takeRest())}`.trim());
  } catch (error) {
    if (!(error instanceof RdbReceiverError)) throw error;
    conclude(`error ${error.code} ${stepOfBytes(bytesOf(error.message))}`);
  }
  if (payload.length > 0) lines.push(`bytes ${stepOfBytes(concatBytes(payload))}`);
  return lines;
}
