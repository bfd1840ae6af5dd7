import { randomFrom } from '@forebay/testkit';
import type { Redis } from 'ioredis';

export interface SeedOptions {
  /** How much is stored, in MiB of values that do not compress. */
  readonly megabytes: number;
  /** Bytes of a value. Default 16 KiB. */
  readonly valueBytes?: number;
  /** Keys are `PREFIX:N`. Default `seeded`. */
  readonly prefix?: string;
  readonly seed?: number;
}

/** Values are cut out of one block of random bytes, each from another place. */
const BLOCK = 1_048_576;
/** How many commands are sent before their replies are awaited. */
const WINDOW = 256;

/**
 * Fills the selected database fast with strings of random bytes: a full sync of it then takes as long
 * as its size says, for nothing is compressed. Returns how many keys there are.
 */
export async function seedDataSet(
  client: Redis,
  { megabytes, valueBytes = 16_384, prefix = 'seeded', seed = 1 }: SeedOptions,
): Promise<number> {
  const block = Buffer.from(randomFrom(seed).bytes(BLOCK));
  const doubled = Buffer.concat([block, block]);
  const keys = Math.ceil((megabytes * BLOCK) / valueBytes);
  let window: Promise<unknown>[] = [];
  for (let n = 0; n < keys; n++) {
    // A step that is odd and large visits every place of the block.
    const from = (n * 104_729) % BLOCK;
    const value =
      valueBytes <= BLOCK
        ? doubled.subarray(from, from + valueBytes)
        : Buffer.alloc(valueBytes, doubled.subarray(from, from + BLOCK));
    window.push(client.call('SET', [`${prefix}:${n}`, value]));
    if (window.length === WINDOW) {
      await Promise.all(window);
      window = [];
    }
  }
  await Promise.all(window);
  return keys;
}
