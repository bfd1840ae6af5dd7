import type { RdbContainer } from '../format/events.ts';
import type { Container } from './container.ts';
import { corruptContainer } from './container.ts';
import { Listpack } from './listpack.ts';
import { Ziplist } from './ziplist.ts';
import { Zipmap } from './zipmap.ts';

/** A count of two bytes that says: more than it can say. */
const NOT_TOLD = 0xffff;

/**
 * How many strings and integers a container holds that was told at the level `structure`: as its header
 * says, where that is enough; otherwise they are gone through. Fields and values of a hash, members and
 * scores of a sorted set count each. `position` is for messages.
 *
 * @throws {RdbError} `CORRUPT`
 */
export function countIn({ container, bytes }: RdbContainer, position = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const told = (at: number, size: 2 | 4): number => {
    if (bytes.length < at + size) throw corruptContainer(container, position, 0);
    return size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
  };
  switch (container) {
    case 'intset':
      return told(4, 4);
    case 'listpack':
    case 'stream-listpack': {
      const count = told(4, 2);
      return count === NOT_TOLD ? walked(new Listpack(bytes, position)) : count;
    }
    case 'ziplist': {
      const count = told(8, 2);
      return count === NOT_TOLD ? walked(new Ziplist(bytes, position)) : count;
    }
    case 'zipmap':
      return walked(new Zipmap(bytes, position));
  }
}

function walked(container: Container): number {
  let count = 0;
  while (container.pass()) count++;
  return count;
}
