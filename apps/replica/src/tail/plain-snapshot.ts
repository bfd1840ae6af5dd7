import type { SnapshotKey } from '@forebay/feed';
import { FeedError } from '@forebay/feed';
import type { RdbElement } from '@forebay/rdb';
import { payloadElements, RdbError } from '@forebay/rdb';
import type { Losses } from '../commands/rdb/losses.ts';
import { PlainCommands } from '../commands/rdb/plain-commands.ts';
import { nameOf } from '../commands/rdb/scan.ts';
import { StreamGaps } from '../commands/rdb/stream-gaps.ts';

/** Whether commands other than RESTORE make a key of that type. */
export function isPlain({ dataType }: Pick<SnapshotKey, 'dataType'>): boolean {
  return dataType !== 'module' && dataType !== 'array';
}

/** Makes the commands of clients that build the keys of a snapshot. */
export class PlainSnapshot {
  readonly losses: Losses = { metadata: 0, negative: 0, produced: 0, deleted: 0 };
  #made: Uint8Array[] = [];
  readonly #plain = new PlainCommands({ add: (bytes) => void this.#made.push(bytes) }, false);

  /** Parts of commands. @throws {FeedError} `SNAPSHOT` where the value cannot be read */
  async *commandsOf(key: SnapshotKey): AsyncGenerator<Uint8Array, void, void> {
    try {
      const gaps = new StreamGaps();
      // A stream is read twice: pending entries whose messages were deleted stand behind the others.
      if (key.dataType === 'stream') for (const element of elementsOf(key)) gaps.add(element);
      await this.#plain.begin(key, gaps.ids());
      for (const element of elementsOf(key)) {
        if (element.type === 'negative' || element.type === 'produced') this.losses[element.type]++;
        else await this.#plain.add(element);
        yield* this.#take();
      }
      await this.#plain.end();
      yield* this.#take();
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      const message = `key ${nameOf(key.key)} cannot be read: ${error.message}`;
      throw new FeedError('SNAPSHOT', message, { cause: error });
    }
  }

  #take(): Uint8Array[] {
    const made = this.#made;
    if (made.length > 0) this.#made = [];
    return made;
  }
}

/** The decoder made the payload, and compared the checksum of the bytes that it is of. */
function elementsOf({ payload }: SnapshotKey): Generator<RdbElement, void, void> {
  return payloadElements(payload, { verify: false });
}
