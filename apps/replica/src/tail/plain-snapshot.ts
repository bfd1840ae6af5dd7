import type { SnapshotKey } from '@forebay/feed';
import { FeedError } from '@forebay/feed';
import { payloadElements, RdbError } from '@forebay/rdb';
import type { PlainCommands } from '@forebay/rdb/commands';
import { keyName } from '@forebay/rdb/json';
import { refusalOf } from '../commands/rdb/losses.ts';

/**
 * Parts of the client commands that create a key of a snapshot.
 *
 * @throws {FeedError} `SNAPSHOT` if the value cannot be read
 * @throws {ExitError} runtime if client commands cannot create it
 */
export function* plainCommandsOf(
  key: SnapshotKey,
  plain: PlainCommands,
): Generator<Uint8Array, void, void> {
  try {
    // The decoder made the payload, and compared the checksum of the bytes that it is of.
    yield* plain.commandsOf(key, () => payloadElements(key.payload, { verify: false }));
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    const refusal = refusalOf(error);
    if (refusal !== undefined) throw refusal;
    const message = `key ${keyName(key.key)} cannot be read: ${error.message}`;
    throw new FeedError('SNAPSHOT', message, { cause: error });
  }
}
