import { crc32 } from 'node:zlib';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import { concatBytes } from '@forebay/testkit';
import type { World } from '../../src/follow/world.ts';
import type { BaseFile } from '../../src/follow-log/follow.ts';

/** A base that is written to the simulated disk when it is whole. */
export class SimulatedBaseFile implements BaseFile {
  readonly #disk: World['disk'];
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(disk: World['disk']) {
    this.#disk = disk;
  }

  get length(): number {
    return this.#bytes.length;
  }

  get crc(): number {
    return crc32(this.#bytes);
  }

  write(bytes: Uint8Array): undefined {
    this.#bytes = concatBytes([this.#bytes, bytes]);
  }

  async commit(path: string): Promise<void> {
    try {
      await this.#write(path);
    } catch (error) {
      const systemCode = String((error as NodeJS.ErrnoException).code);
      throw new RdbReceiverError('IO', (error as Error).message, { systemCode });
    }
  }

  async abort(): Promise<void> {}

  async #write(path: string): Promise<void> {
    const file = await this.#disk.open(path, 'create');
    try {
      for (let done = 0; done < this.#bytes.length; ) {
        done += await file.write(this.#bytes.subarray(done), done);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
