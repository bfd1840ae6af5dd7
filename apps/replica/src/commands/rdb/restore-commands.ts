import type { RdbKey } from '@forebay/rdb';
import { restorePayload } from '@forebay/rdb';
import { encodeCommand } from '@forebay/resp';
import { EXIT, ExitError } from '../../exit.ts';
import type { Output } from '../../output/output.ts';
import { nameOf } from './scan.ts';

/** The longest argument that servers take (`proto-max-bulk-len` as it is by default). */
const MOST_BYTES = 512 * 1024 * 1024;

/** Makes a RESTORE of a key that is read at the level `raw`, of which all is in memory until then. */
export class RestoreCommands {
  readonly #output: Output;
  readonly #replace: boolean;
  #version = 0;
  #key!: RdbKey;
  #pieces: Uint8Array[] = [];
  #size = 0;

  constructor(output: Output, replace: boolean) {
    this.#output = output;
    this.#replace = replace;
  }

  /** The version of the RDB, which stands in each payload. */
  set version(version: number) {
    this.#version = version;
  }

  begin(key: RdbKey): void {
    this.#key = { ...key, key: key.key.slice() };
    this.#size = 0;
  }

  /** @throws {ExitError} runtime where it is longer than a command can have */
  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.#size += bytes.length;
    if (this.#size <= MOST_BYTES) return;
    const { key, database } = this.#key;
    const which = `key ${nameOf(key)} of database ${database}`;
    const message = `${which} is too large for one RESTORE: --plain makes many commands of it`;
    throw new ExitError(EXIT.runtime, message);
  }

  end(): void | Promise<void> {
    const { key, valueType } = this.#key;
    const [first] = this.#pieces;
    const value = this.#pieces.length === 1 ? first! : Buffer.concat(this.#pieces);
    const payload = restorePayload(valueType, value, this.#version);
    const command = encodeCommand(['RESTORE', key, this.#time(), payload, ...this.#options()]);
    this.#pieces = [];
    return this.#output.add(command);
  }

  #time(): string {
    const { expiresAt } = this.#key;
    // 0 stands for a key that does not expire, and less is refused: both are long past.
    return expiresAt === undefined ? '0' : String(Math.max(1, expiresAt));
  }

  #options(): (string | number)[] {
    const { expiresAt, idle, frequency } = this.#key;
    const options: (string | number)[] = [];
    if (this.#replace) options.push('REPLACE');
    if (expiresAt !== undefined) options.push('ABSTTL');
    if (idle !== undefined) options.push('IDLETIME', idle);
    else if (frequency !== undefined) options.push('FREQ', frequency);
    return options;
  }
}
