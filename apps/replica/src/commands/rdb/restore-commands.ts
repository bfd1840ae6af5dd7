import type { RdbKey } from '@forebay/rdb';
import { restorePayload } from '@forebay/rdb';
import { encodeCommand } from '@forebay/resp';
import { EXIT, ExitError } from '../../exit.ts';
import { ByteSink } from '../../output/byte-sink.ts';
import type { Output } from '../../output/output.ts';
import { restoreArguments } from '../../output/restore-arguments.ts';
import { nameOf } from './scan.ts';

/** The longest argument that servers take (`proto-max-bulk-len` as it is by default). */
const MOST_BYTES = 512 * 1024 * 1024;
/** Memory that is kept from value to value. */
const KEPT = 1024 * 1024;

/** Makes a RESTORE of a key that is read at the level `raw`, of which all is in memory until then. */
export class RestoreCommands {
  readonly #output: Output;
  readonly #replace: boolean;
  #version = 0;
  #key!: RdbKey;
  /** Name and value of the key: their bytes do not last until all of it is there. */
  readonly #name = new ByteSink(4096);
  #value = new ByteSink(KEPT);

  constructor(output: Output, replace: boolean) {
    this.#output = output;
    this.#replace = replace;
  }

  /** The version of the RDB, which stands in each payload. */
  set version(version: number) {
    this.#version = version;
  }

  begin(key: RdbKey): void {
    this.#key = key;
    this.#name.cutTo(0);
    this.#name.add(key.key);
  }

  /** @throws {ExitError} runtime where it is longer than a command can have */
  add(bytes: Uint8Array): void {
    this.#value.add(bytes);
    if (this.#value.length <= MOST_BYTES) return;
    const which = `key ${nameOf(this.#name.view)} of database ${this.#key.database}`;
    const message = `${which} is too large for one RESTORE: --plain makes many commands of it`;
    throw new ExitError(EXIT.runtime, message);
  }

  end(): void | Promise<void> {
    const payload = restorePayload(this.#key.valueType, this.#value.view, this.#version);
    const args = restoreArguments(this.#name.view, payload, this.#key, this.#replace);
    const command = encodeCommand(args);
    if (this.#value.length > KEPT) this.#value = new ByteSink(KEPT);
    else this.#value.cutTo(0);
    return this.#output.add(command);
  }
}
