import type { BaseFile } from '../../follow-log/follow.ts';

/** A base on its way, of which each piece has to be allowed before it is written. */
export class CountedBase implements BaseFile {
  readonly #file: BaseFile;
  readonly #admit: (bytes: number) => undefined | Promise<void>;
  readonly #release: () => void;

  /** `admit` rejects if there is no room for that many more bytes; `release` is called when the file is removed. */
  constructor(
    file: BaseFile,
    admit: (bytes: number) => undefined | Promise<void>,
    release: () => void,
  ) {
    this.#file = file;
    this.#admit = admit;
    this.#release = release;
  }

  get length(): number {
    return this.#file.length;
  }

  get crc(): number {
    return this.#file.crc;
  }

  write(bytes: Uint8Array): undefined | Promise<void> {
    const admitted = this.#admit(bytes.length);
    return admitted === undefined
      ? this.#file.write(bytes)
      : admitted.then(() => this.#file.write(bytes));
  }

  /** It counts on until it is a part of the log. */
  commit(path: string): Promise<void> {
    return this.#file.commit(path);
  }

  async abort(): Promise<void> {
    try {
      await this.#file.abort();
    } finally {
      this.#release();
    }
  }
}
