import { encodeCommandParts } from '@forebay/resp';
import { keyName } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbKey } from '../format/events.ts';
import { RestorePayloadBuilder } from '../writing/restore-payload.ts';
import { restoreArguments } from './restore-arguments.ts';

/** The longest argument that servers take (`proto-max-bulk-len` as it is by default). */
const MOST_BYTES = 512 * 1024 * 1024;

/** Makes a RESTORE of a key that is read at the level `raw`, of which all is in memory until then. */
export class RestoreCommands {
  readonly #replace: boolean;
  /** The version of the RDB, which stands in each payload. */
  version = 0;
  #key!: RdbKey;
  #payload!: RestorePayloadBuilder;

  constructor(replace: boolean) {
    this.#replace = replace;
  }

  begin(key: RdbKey): void {
    // A copy of its name: the original bytes are overwritten before the value is complete.
    this.#key = { ...key, key: new Uint8Array(key.key) };
    this.#payload = new RestorePayloadBuilder(key.valueType, this.version);
  }

  /** @throws {RdbError} `TOO_LARGE_FOR_RESTORE` if the payload is longer than an argument can be */
  add(bytes: Uint8Array): void {
    this.#payload.add(bytes);
    if (this.#payload.size <= MOST_BYTES) return;
    const { key, database } = this.#key;
    const which = `key ${keyName(key)} of database ${database}`;
    const message = `${which} is too large for one RESTORE`;
    throw new RdbError('TOO_LARGE_FOR_RESTORE', 0, message);
  }

  end(): Uint8Array[] {
    const { key } = this.#key;
    return encodeCommandParts(
      restoreArguments(key, this.#payload.finish(), this.#key, this.#replace),
    );
  }
}
