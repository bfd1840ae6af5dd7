import type { Word } from '../servers/server.ts';
import type { LoadContext, Operation, Recipe } from './recipe.ts';

/**
 * A command on a group of a stream, made first where it is not there yet. The consumer too, where
 * there is a command for it: one that a command makes in passing, and that gets no entry by it, is
 * not replicated.
 */
function withGroup(
  c: LoadContext,
  key: string,
  consumer: string | undefined,
  last: Word[],
): Operation {
  const group: Word[] = ['XGROUP', 'CREATE', key, 'group', '0', 'MKSTREAM'];
  const make: Word[][] =
    consumer === undefined || !c.knows.since62
      ? []
      : [['XGROUP', 'CREATECONSUMER', key, 'group', consumer]];
  return { commands: [group, ...make, last], tolerates: /^BUSYGROUP/ };
}

function consumer(c: LoadContext): string {
  return `consumer${c.random.integer(0, 3)}`;
}

/** An id that a stream with ids of our own may have: they count up over all streams. */
function recentId(c: LoadContext): string {
  return `${Math.max(1, c.next() - c.random.integer(1, 200))}-1`;
}

/** Streams with ids of the server (`auto`) and of ours (`stream`), their groups and claims. */
export const STREAMS: readonly Recipe[] = [
  { weight: 3, make: (c) => ({ commands: [['XADD', c.key('auto'), '*', 'field', c.value()]] }) },
  {
    weight: 5,
    make: (c) => ({
      commands: [
        ['XADD', c.key('stream'), `${c.next()}-1`, 'field', c.value(), 'other', c.value()],
      ],
    }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [['XADD', c.key('auto'), 'MAXLEN', '~', 100, '*', 'field', c.value()]],
    }),
  },
  {
    weight: 1,
    make: (c) => ({ commands: [['XTRIM', c.key('stream'), 'MAXLEN', c.random.integer(20, 60)]] }),
  },
  { weight: 1, make: (c) => ({ commands: [['XDEL', c.key('stream'), recentId(c), recentId(c)]] }) },
  {
    weight: 4,
    make: (c) => {
      const [key, who] = [c.key('stream'), consumer(c)];
      const read = ['XREADGROUP', 'GROUP', 'group', who, 'COUNT', c.random.integer(1, 5)];
      return withGroup(c, key, who, [...read, 'STREAMS', key, '>']);
    },
  },
  {
    weight: 1,
    make: (c) => {
      const [key, who] = [c.key('auto'), consumer(c)];
      const read = ['XREADGROUP', 'GROUP', 'group', who, 'COUNT', 2, 'NOACK'];
      return withGroup(c, key, who, [...read, 'STREAMS', key, '>']);
    },
  },
  {
    weight: 2,
    make: (c) => {
      const key = c.key('stream');
      const ids = [recentId(c), recentId(c), recentId(c)];
      return withGroup(c, key, undefined, ['XACK', key, 'group', ...ids]);
    },
  },
  {
    weight: 2,
    make: (c) => {
      const [key, who] = [c.key('stream'), consumer(c)];
      return withGroup(c, key, who, ['XCLAIM', key, 'group', who, 0, recentId(c), recentId(c)]);
    },
  },
  {
    weight: 1,
    needs: (c) => c.knows.since62,
    make: (c) => {
      const [key, who] = [c.key('stream'), consumer(c)];
      return withGroup(c, key, who, ['XAUTOCLAIM', key, 'group', who, 0, '0-0', 'COUNT', 3]);
    },
  },
  {
    weight: 0.5,
    make: (c) => {
      const key = c.key('stream');
      return withGroup(c, key, undefined, ['XGROUP', 'DELCONSUMER', key, 'group', consumer(c)]);
    },
  },
  {
    weight: 0.3,
    make: (c) => {
      const key = c.key('stream');
      return withGroup(c, key, undefined, ['XGROUP', 'SETID', key, 'group', recentId(c)]);
    },
  },
  {
    weight: 0.2,
    make: (c) => {
      const key = c.key('stream');
      return withGroup(c, key, undefined, ['XGROUP', 'DESTROY', key, 'group']);
    },
  },
];
