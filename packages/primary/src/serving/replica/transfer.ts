import type { Connection } from '@forebay/resp-server';
import type { Snapshot } from '../../source.ts';

/** As many random bytes as asked for. */
export type RandomBytes = (length: number) => Uint8Array;

/**
 * Sends a payload, as `$EOF:<mark>` with a mark, else as `$<length>`. The mark is the last
 * that is sent: replicas look for it at the end of what they have read, and nowhere else. `onFirst` is
 * given the first bytes.
 */
export async function sendPayload(
  connection: Connection,
  snapshot: Snapshot,
  mark: string | undefined,
  onFirst: (bytes: Uint8Array) => void,
): Promise<void> {
  const header = mark === undefined ? `$${snapshot.length}` : `$EOF:${mark}`;
  connection.write(Buffer.from(`${header}\r\n`));
  let left = snapshot.length;
  for await (const bytes of snapshot.read()) {
    if (connection.closed) return;
    if (left === snapshot.length) onFirst(bytes);
    left -= bytes.length;
    if (left < 0) throw new Error('the snapshot is longer than was told');
    connection.write(bytes);
    await connection.drained();
  }
  // A replica that was promised more would wait for it for ever.
  if (left > 0) throw new Error(`the snapshot ended ${left} bytes early`);
  if (mark === undefined) return;
  // Until the mark has gone out, an acknowledgement is none of the whole.
  await new Promise<void>((resolve) => connection.write(Buffer.from(mark), resolve));
}
