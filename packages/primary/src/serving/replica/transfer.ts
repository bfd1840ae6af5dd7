import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { drained } from '../../flow.ts';
import type { Snapshot } from '../../source.ts';

/**
 * Sends a payload, as `$EOF:<mark>` to one that takes that, else as `$<length>`. The mark is the last
 * that is sent: replicas look for it at the end of what they have read, and nowhere else. `onFirst` is
 * given the first bytes.
 */
export async function sendPayload(
  socket: Socket,
  snapshot: Snapshot,
  marked: boolean,
  onFirst: (bytes: Uint8Array) => void,
): Promise<void> {
  const mark = randomBytes(20).toString('hex');
  socket.write(marked ? `$EOF:${mark}\r\n` : `$${snapshot.length}\r\n`);
  let left = snapshot.length;
  for await (const bytes of snapshot.read()) {
    if (socket.destroyed) return;
    if (left === snapshot.length) onFirst(bytes);
    left -= bytes.length;
    if (left < 0) throw new Error('the snapshot is longer than was told');
    socket.write(bytes);
    await drained(socket);
  }
  // A replica that was promised more would wait for it for ever.
  if (left > 0) throw new Error(`the snapshot ended ${left} bytes early`);
  // Until the mark has gone out, an acknowledgement is none of the whole.
  if (marked) await new Promise<void>((resolve) => socket.write(mark, () => resolve()));
}
