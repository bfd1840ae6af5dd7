import type { Client } from '@forebay/resp-server';
import type { Snapshot } from '../source.ts';

/** Returns this many random bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/**
 * Sends a payload as `$EOF:<mark>`, or as `$<length>` if there is no mark, and passes its first bytes to `onFirst`.
 * Nothing is sent after the mark: replicas look for it only at the end of the bytes that they have read.
 */
export async function sendPayload(
  client: Client,
  snapshot: Snapshot,
  mark: string | undefined,
  onFirst: (bytes: Uint8Array) => void,
): Promise<void> {
  const header = mark === undefined ? `$${snapshot.length}` : `$EOF:${mark}`;
  const { connection } = client;
  connection.write(Buffer.from(`${header}\r\n`));
  let left = snapshot.length;
  for await (const bytes of snapshot.read()) {
    if (client.closed) return;
    if (left === snapshot.length) onFirst(bytes);
    left -= bytes.length;
    if (left < 0) throw new Error('the snapshot is longer than its length');
    connection.write(bytes);
    await connection.drained();
  }
  // The replica would wait for the rest forever.
  if (left > 0) throw new Error(`the snapshot ended ${left} bytes early`);
  if (mark === undefined || client.closed) return;
  // An ACK before the mark is sent does not acknowledge the payload.
  await new Promise<void>((resolve) => connection.write(Buffer.from(mark), resolve));
}
