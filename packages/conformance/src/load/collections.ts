import type { Word } from '../servers/server.ts';
import type { LoadContext, Recipe } from './recipe.ts';

/** The fields that hashes have, few enough to be met again. */
function field(c: LoadContext): string {
  return `field:${c.random.integer(0, 30)}`;
}

/** Lists: ends, middles, and moves, blocking ones too (there is an element, so they do not block). */
export const LISTS: readonly Recipe[] = [
  { weight: 5, make: (c) => ({ commands: [['RPUSH', c.key('list'), c.value(), c.value()]] }) },
  { weight: 4, make: (c) => ({ commands: [['LPUSH', c.key('list'), c.value()]] }) },
  { weight: 1, make: (c) => ({ commands: [['LPUSHX', c.key('list'), c.value()]] }) },
  { weight: 2, make: (c) => ({ commands: [[c.random.pick(['LPOP', 'RPOP']), c.key('list')]] }) },
  { weight: 1, make: (c) => ({ commands: [['RPOPLPUSH', c.key('list'), c.key('list')]] }) },
  {
    weight: 1,
    make: (c) => ({ commands: [['LTRIM', c.key('list'), 0, c.random.integer(5, 60)]] }),
  },
  {
    weight: 1,
    make: (c) => {
      const key = c.key('list');
      return {
        commands: [
          ['RPUSH', key, 'pivot'],
          ['LINSERT', key, 'BEFORE', 'pivot', c.value()],
        ],
      };
    },
  },
  {
    weight: 1,
    make: (c) => {
      const key = c.key('list');
      return {
        commands: [
          ['RPUSH', key, c.value()],
          ['LSET', key, -1, c.value()],
        ],
      };
    },
  },
  {
    weight: 1,
    make: (c) => ({ commands: [['LREM', c.key('list'), c.random.integer(-2, 2), 'pivot']] }),
  },
  {
    weight: 2,
    make: (c) => {
      const [from, to] = [c.key('list'), c.key('list')];
      const move = c.knows.since62
        ? ['BLMOVE', from, to, 'LEFT', 'RIGHT', 0.01]
        : ['BRPOPLPUSH', from, to, 0.01];
      const pop = [c.random.pick(['BLPOP', 'BRPOP']), from, to, 0.01];
      return { commands: [['RPUSH', from, c.value(), c.value()], move, pop] };
    },
  },
  {
    weight: 1,
    needs: (c) => c.knows.functions,
    make: (c) => ({ commands: [['LMPOP', 2, c.key('list'), c.key('list'), 'LEFT', 'COUNT', 3]] }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [['RPUSH', c.key('list'), Buffer.alloc(c.random.integer(5000, 20_000), 'element')]],
    }),
  },
];

/** Sets: of integers (stored compactly) and of anything, and what is taken out of them at random. */
export const SETS: readonly Recipe[] = [
  {
    weight: 4,
    make: (c) => ({
      commands: [
        ['SADD', c.key('integers'), c.random.integer(0, 99), c.random.integer(-(2 ** 40), 2 ** 40)],
      ],
    }),
  },
  { weight: 4, make: (c) => ({ commands: [['SADD', c.key('set'), c.value(), c.value()]] }) },
  { weight: 2, make: (c) => ({ commands: [['SPOP', c.key('set')]] }) },
  { weight: 1, make: (c) => ({ commands: [['SPOP', c.key('integers'), c.random.integer(1, 4)]] }) },
  {
    weight: 1,
    make: (c) => ({ commands: [['SREM', c.key('integers'), c.random.integer(0, 99)]] }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [['SMOVE', c.key('integers'), c.key('set'), c.random.integer(0, 99)]],
    }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [
        [
          c.random.pick(['SUNIONSTORE', 'SINTERSTORE', 'SDIFFSTORE']),
          c.key('set'),
          c.key('set'),
          c.key('integers'),
        ],
      ],
    }),
  },
  {
    weight: 1,
    make: (c) => ({ commands: [['SORT', c.key('integers'), 'DESC', 'STORE', c.key('list')]] }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [['SORT', c.key('set'), 'ALPHA', 'LIMIT', 0, 20, 'STORE', c.key('list')]],
    }),
  },
];

/** Hashes, with times of single fields where the server has them. */
export const HASHES: readonly Recipe[] = [
  {
    weight: 6,
    make: (c) => ({
      commands: [['HSET', c.key('hash'), field(c), c.value(), field(c), c.value()]],
    }),
  },
  { weight: 1, make: (c) => ({ commands: [['HSETNX', c.key('hash'), field(c), c.value()]] }) },
  { weight: 2, make: (c) => ({ commands: [['HDEL', c.key('hash'), field(c), field(c)]] }) },
  {
    weight: 2,
    make: (c) => ({ commands: [['HINCRBY', c.key('hash'), 'count', c.random.integer(-5, 50)]] }),
  },
  {
    weight: 2,
    make: (c) => ({
      commands: [['HINCRBYFLOAT', c.key('hash'), 'sum', c.random.integer(-99, 99) / 4]],
    }),
  },
  {
    weight: 4,
    needs: (c) => c.knows.fieldTtl,
    make: (c) => {
      const [key, name] = [c.key('fields'), field(c)];
      const time = c.random.pick<Word[]>([
        ['HPEXPIRE', key, c.random.integer(30, 3000)],
        ['HEXPIRE', key, c.random.integer(100, 300)],
        ['HPEXPIREAT', key, Date.now() + c.random.integer(30, 300_000)],
        ['HPERSIST', key],
      ]);
      return {
        commands: [
          ['HSET', key, name, c.value()],
          [...time, 'FIELDS', 1, name],
        ],
      };
    },
  },
  {
    weight: 2,
    needs: (c) => c.knows.fieldTtl && (c.knows.rdbChannel || c.knows.flavour === 'valkey'),
    make: (c) => {
      const [key, name] = [c.key('fields'), field(c)];
      return {
        commands: [
          ['HSETEX', key, 'PX', c.random.integer(30, 300_000), 'FIELDS', 1, name, c.value()],
          ['HGETEX', key, 'EX', c.random.integer(1, 300), 'FIELDS', 1, field(c)],
        ],
      };
    },
  },
];

/** Sorted sets and places. */
export const SORTED_SETS: readonly Recipe[] = [
  {
    weight: 5,
    make: (c) => ({
      commands: [
        [
          'ZADD',
          c.key('zset'),
          c.random.integer(-999, 999) / 7,
          c.value(),
          c.random.integer(0, 99),
          `m${c.random.integer(0, 40)}`,
        ],
      ],
    }),
  },
  {
    weight: 2,
    make: (c) => ({
      commands: [
        ['ZINCRBY', c.key('zset'), c.random.integer(-9, 9) / 3, `m${c.random.integer(0, 40)}`],
      ],
    }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [['ZADD', c.key('zset'), c.random.pick(['-inf', '+inf', '1e300', '0']), 'limit']],
    }),
  },
  {
    weight: 1,
    make: (c) => ({ commands: [[c.random.pick(['ZPOPMIN', 'ZPOPMAX']), c.key('zset')]] }),
  },
  { weight: 1, make: (c) => ({ commands: [['ZREMRANGEBYRANK', c.key('zset'), 30, -1]] }) },
  {
    weight: 1,
    make: (c) => ({
      commands: [
        ['ZUNIONSTORE', c.key('zset'), 2, c.key('zset'), c.key('zset'), 'AGGREGATE', 'MAX'],
      ],
    }),
  },
  {
    weight: 1,
    needs: (c) => c.knows.since62,
    make: (c) => ({ commands: [['ZRANGESTORE', c.key('zset'), c.key('zset'), 0, 20]] }),
  },
  {
    weight: 1,
    make: (c) => {
      const key = c.key('zset');
      return {
        commands: [
          ['ZADD', key, 1, 'popped'],
          ['BZPOPMIN', key, 0.01],
        ],
      };
    },
  },
  {
    weight: 2,
    make: (c) => ({
      commands: [
        [
          'GEOADD',
          c.key('geo'),
          c.random.integer(-1700, 1700) / 10,
          c.random.integer(-800, 800) / 10,
          `place${c.random.integer(0, 30)}`,
        ],
      ],
    }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [
        c.knows.since62
          ? [
              'GEOSEARCHSTORE',
              c.key('zset'),
              c.key('geo'),
              'FROMLONLAT',
              10,
              50,
              'BYRADIUS',
              3000,
              'km',
            ]
          : ['GEORADIUS', c.key('geo'), 10, 50, 3000, 'km', 'STORE', c.key('zset')],
      ],
    }),
  },
];
