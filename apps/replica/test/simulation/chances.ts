import type { Random } from '@forebay/testkit';
import { randomFrom } from '@forebay/testkit';

/**
 * All random choices of a simulated world, from one seed. Each part of the world has its own random stream: if a
 * step is removed from a history, the choices of the other parts change as little as possible.
 */
export class Chances {
  readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** The random stream of this name, from its start. */
  of(...name: readonly (string | number)[]): Random {
    return randomFrom(hashOf(`${this.seed} ${name.join(' ')}`));
  }
}

/** FNV-1a over 32 bits, with the final mix of MurmurHash3: similar names give unrelated seeds. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
