import type { RdbKey } from '@forebay/rdb';
import { RestorePayloadBuilder } from '@forebay/rdb';
import { EXIT, ExitError } from '../../exit.ts';
import { ByteSink } from '../../output/byte-sink.ts';
import { commandParts } from '../../output/command-parts.ts';
import type { Output } from '../../output/output.ts';
import { restoreArguments } from '../../output/restore-arguments.ts';
import { nameOf } from './scan.ts';

/** The longest argument that servers take (`proto-max-bulk-len` as it is by default). */
const MOST_BYTES = 512 * 1024 * 1024;
/** Makes a RESTORE of a key that is read at the level `raw`, of which all is in memory until then. */
export class RestoreCommands {
  readonly #output: Output;
  readonly #replace: boolean;
  #version = 0;
  #key!: RdbKey;
  /** A copy of the key name: the original bytes are overwritten before the value is complete. */
  readonly #name = new ByteSink(4096);
  #payload!: RestorePayloadBuilder;

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
    this.#payload = new RestorePayloadBuilder(key.valueType, this.#version);
  }

  /** @throws {ExitError} runtime where it is longer than a command can have */
  add(bytes: Uint8Array): void {
    this.#payload.add(bytes);
    if (this.#payload.size <= MOST_BYTES) return;
    const which = `key ${nameOf(this.#name.view)} of database ${this.#key.database}`;
    const message = `${which} is too large for one RESTORE: --plain makes many commands of it`;
    throw new ExitError(EXIT.runtime, message);
  }

  end(): void | Promise<void> {
    const payload = this.#payload.finish();
    const args = restoreArguments(this.#name.view, payload, this.#key, this.#replace);
    const [only, ...others] = commandParts(args);
    if (others.length === 0) return this.#output.add(only!);
    return this.#addAll([only!, ...others]);
  }

  async #addAll(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) await this.#output.add(part);
  }
}
