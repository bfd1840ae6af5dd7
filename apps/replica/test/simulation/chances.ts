import type { Random } from '@forebay/testkit';
import { randomFrom } from '@forebay/testkit';

/**
 * The chances of a simulated world, all from one seed. Each part of the world draws from a stream of its
 * own, so that a step that is removed from a history changes what the other parts draw as little as possible.
 */
export class Chances {
  readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** The stream of this name, from its beginning. */
  of(...name: readonly (string | number)[]): Random {
    return randomFrom(hashOf(`${this.seed} ${name.join(' ')}`));
  }
}

/** FNV-1a over 32 bits, with the final mix of MurmurHash3: near names give seeds that are far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
