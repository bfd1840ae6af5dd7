import type { Word } from '../servers/server.ts';
import type { LoadContext, Recipe } from './recipe.ts';

/** Kinds whose keys may be renamed, copied, given a time or deleted like any other. */
const KINDS = [
  'text',
  'list',
  'set',
  'hash',
  'zset',
  'stream',
  'integers',
  'hll',
  'fields',
] as const;

const SCRIPT = `
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[2], ARGV[2])
redis.call('SPOP', KEYS[3])
return redis.call('SADD', KEYS[3], ARGV[2])`;

const SCRIPT_IN_TWO_DATABASES = `
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SELECT', ARGV[2])
return redis.call('SET', KEYS[1], ARGV[1])`;

function library(version: number): string {
  return `#!lua name=load
-- ${version}
redis.register_function('load_two', function(keys, args)
  redis.call('SET', keys[1], args[1])
  return redis.call('LPUSH', keys[2], args[1])
end)`;
}

function anyKey(c: LoadContext): string {
  return c.key(c.random.pick(KINDS));
}

/** What writes more than one thing, or to any type: scripts, transactions, and the keyspace itself. */
export const EFFECTS: readonly Recipe[] = [
  {
    weight: 4,
    make: (c) => ({
      commands: [['EVAL', SCRIPT, 3, c.key('integer'), c.key('list'), c.key('set'), 7, c.value()]],
    }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [
        [
          'EVAL',
          SCRIPT_IN_TWO_DATABASES,
          1,
          c.key('text'),
          c.value(),
          c.random.integer(0, c.databases - 1),
        ],
      ],
    }),
  },
  {
    weight: 4,
    make: (c) => ({
      commands: [
        ['MULTI'],
        ['SET', c.key('text'), c.value()],
        ['INCR', c.key('integer')],
        ['LPUSH', c.key('list'), c.value()],
        ['EXEC'],
      ],
    }),
  },
  {
    weight: 3,
    make: (c) => {
      const other = c.random.integer(0, c.databases - 1);
      return {
        commands: [
          ['MULTI'],
          ['SET', c.key('text'), c.value()],
          ['SELECT', other],
          ['SADD', c.key('set'), c.value()],
          ['EXEC'],
        ],
        leavesDatabase: other,
      };
    },
  },
  {
    weight: 0.5,
    make: (c) => ({ commands: [['MULTI'], ['SET', c.key('text'), c.value()], ['DISCARD']] }),
  },
  {
    weight: 1,
    needs: (c) => c.knows.functions,
    make: (c) => ({
      commands: [
        ['FUNCTION', 'LOAD', 'REPLACE', library(c.random.integer(1, 3))],
        ['FCALL', 'load_two', 2, c.key('text'), c.key('list'), c.value()],
      ],
    }),
  },
  {
    weight: 0.2,
    needs: (c) => c.knows.functions,
    make: () => ({ commands: [['FUNCTION', 'DELETE', 'load']], tolerates: /Library not found/ }),
  },
  { weight: 4, make: (c) => ({ commands: [c.expire(anyKey(c), 30, 2000)] }) },
  { weight: 4, make: (c) => ({ commands: [c.expire(anyKey(c), 60_000, 600_000)] }) },
  { weight: 2, make: (c) => ({ commands: [['PERSIST', anyKey(c)]] }) },
  {
    weight: 2,
    make: (c) => ({ commands: [[c.random.pick(['DEL', 'UNLINK']), anyKey(c), anyKey(c)]] }),
  },
  {
    weight: 1,
    make: (c) => {
      const kind = c.random.pick(KINDS);
      return { commands: [['RENAME', c.key(kind), c.key(kind)]], tolerates: /no such key/ };
    },
  },
  {
    weight: 1,
    needs: (c) => c.knows.since62,
    make: (c) => {
      const kind = c.random.pick(KINDS);
      // A copy onto itself is refused, so the target is another key.
      const copy: Word[] = ['COPY', c.key(kind), `${kind}:copy`, 'REPLACE'];
      const database = ['DB', c.random.integer(0, c.databases - 1)];
      return { commands: [c.random.float() < 0.5 ? copy : [...copy, ...database]] };
    },
  },
  {
    weight: 0.5,
    make: (c) => ({
      commands: [['MOVE', anyKey(c), c.random.integer(0, c.databases - 1)]],
      tolerates: /source and destination objects are the same/,
    }),
  },
  {
    weight: 1,
    make: (c) => {
      const kind = c.random.pick(KINDS);
      const to = c.key(kind);
      const ttl = c.random.pick([0, Date.now() + c.random.integer(1000, 600_000)]);
      return {
        commands: [['DUMP', c.key(kind)]],
        afterwards: ([dump]) =>
          Buffer.isBuffer(dump) ? [['RESTORE', to, ttl, dump, 'REPLACE', 'ABSTTL']] : [],
      };
    },
  },
  { weight: 1, make: (c) => ({ commands: [['PUBLISH', 'channel', c.value()]] }) },
  {
    weight: 0.5,
    needs: (c) => c.knows.functions,
    make: (c) => ({ commands: [['SPUBLISH', 'channel', c.value()]] }),
  },
  {
    weight: 0.1,
    needs: (c) => c.databases > 2,
    make: (c) => ({ commands: [['SWAPDB', 1, c.databases - 1]] }),
  },
  {
    weight: 0.1,
    needs: (c) => c.flushes,
    make: (c) => ({
      commands: [
        ['SELECT', c.databases - 1],
        ['FLUSHDB', ...c.random.pick<Word[]>([[], ['ASYNC']])],
      ],
      leavesDatabase: c.databases - 1,
    }),
  },
];
