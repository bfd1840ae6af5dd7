import { encodeCommand } from '@forebay/resp';

/** How far the one who stores has come. Offsets of last bytes, safe integers. */
export interface ReplicaProgress {
  /** What `write` has returned for: it moves ACK. */
  readonly written: number;
  /** What is known to be on the disk: it moves FACK. Without it none is sent. */
  readonly synced?: number;
}

/** A bare newline: a sign of life that says nothing (`networking.c: processInlineBuffer`). */
export const NEWLINE: Uint8Array = Uint8Array.of(0x0a);

/** What is acknowledged at a moment: the two offsets of `REPLCONF ACK … FACK …`. */
export function encodeAcknowledgement({ written, synced }: ReplicaProgress): Uint8Array {
  const words = ['REPLCONF', 'ACK', String(written)];
  // Servers before 7.2 take the first two words and pass over the rest.
  if (synced !== undefined) words.push('FACK', String(Math.min(synced, written)));
  return encodeCommand(words);
}
