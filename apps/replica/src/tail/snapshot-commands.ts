import type { SnapshotEntry, SourceItem } from '@forebay/feed';
import { SnapshotDecoder } from '@forebay/feed';
import { encodeCommand } from '@forebay/resp';
import { restoreArguments } from '../output/restore-arguments.ts';

type SnapshotItem = Extract<SourceItem, { type: 'snapshot' | 'rdb' | 'start' }>;

/** Makes commands of the snapshots in a stream, which a server executes before what follows. */
export class SnapshotCommands {
  #decoder: SnapshotDecoder | undefined;
  #database: number | undefined;
  #count = 0;

  /** @throws {FeedError} `SNAPSHOT` */
  *commandsOf(item: SnapshotItem): Generator<Uint8Array, void, void> {
    switch (item.type) {
      case 'snapshot':
        this.#decoder = new SnapshotDecoder();
        // What is there is of the snapshot before, or in the way.
        if (this.#count++ > 0) yield encodeCommand(['FLUSHALL']);
        break;
      case 'rdb': {
        this.#decoder?.push(item.bytes);
        for (let entry = this.#decoder?.next(); entry; entry = this.#decoder?.next()) {
          yield* this.#commandsOf(entry);
        }
        break;
      }
      case 'start':
        if (this.#decoder === undefined) break;
        this.#decoder.finish();
        this.#decoder = undefined;
        yield* this.#select(item.database);
        // The stream selects for itself from here on.
        this.#database = undefined;
    }
  }

  *#commandsOf(entry: SnapshotEntry): Generator<Uint8Array, void, void> {
    if (entry.type === 'function') {
      const replace = this.#count > 1 ? ['REPLACE'] : [];
      yield encodeCommand(['FUNCTION', 'LOAD', ...replace, entry.code]);
      return;
    }
    yield* this.#select(entry.database);
    yield encodeCommand(restoreArguments(entry.key, entry.payload, entry));
  }

  *#select(database: number): Generator<Uint8Array, void, void> {
    if (database !== this.#database) yield encodeCommand(['SELECT', database]);
    this.#database = database;
  }
}
