import type { Word } from '../servers/server.ts';
import type { Recipe } from './recipe.ts';

/** Strings: text, integers, floats, times to live, and a large one now and then. */
export const STRINGS: readonly Recipe[] = [
  { weight: 12, make: (c) => ({ commands: [['SET', c.key('text'), c.value()]] }) },
  { weight: 4, make: (c) => ({ commands: [['APPEND', c.key('text'), c.value()]] }) },
  {
    weight: 2,
    make: (c) => ({
      commands: [['SETRANGE', c.key('text'), c.random.integer(0, 80), c.value()]],
    }),
  },
  {
    weight: 3,
    make: (c) => ({
      commands: [['MSET', c.key('text'), c.value(), c.key('text'), c.value()]],
    }),
  },
  { weight: 2, make: (c) => ({ commands: [['GETSET', c.key('text'), c.value()]] }) },
  { weight: 2, make: (c) => ({ commands: [['SET', c.key('text'), c.value(), 'NX']] }) },
  {
    weight: 6,
    make: (c) => ({ commands: [['INCRBY', c.key('integer'), c.random.integer(-9, 99)]] }),
  },
  { weight: 2, make: (c) => ({ commands: [['DECR', c.key('integer')]] }) },
  {
    weight: 4,
    make: (c) => ({ commands: [['INCRBYFLOAT', c.key('float'), c.random.integer(-999, 999) / 8]] }),
  },
  {
    weight: 4,
    needs: (c) => !c.absoluteTimes || c.knows.absoluteTimes,
    make: (c) => ({
      commands: [
        c.random.pick<Word[]>([
          ['SETEX', c.key('brief'), c.random.integer(1, 3), c.value()],
          ['PSETEX', c.key('brief'), c.random.integer(30, 3000), c.value()],
          ['SET', c.key('brief'), c.value(), 'PX', c.random.integer(30, 3000)],
          ['SET', c.key('brief'), c.value(), 'EX', c.random.integer(1, 300)],
        ]),
      ],
    }),
  },
  {
    weight: 3,
    make: (c) => {
      const key = c.key('brief');
      return { commands: [['SET', key, c.value()], c.expire(key, 30, 3000)] };
    },
  },
  { weight: 1, make: (c) => ({ commands: [['SET', c.key('brief'), c.value(), 'KEEPTTL']] }) },
  {
    weight: 2,
    needs: (c) => c.knows.since62 && (!c.absoluteTimes || c.knows.absoluteTimes),
    make: (c) => ({
      commands: [
        c.random.pick<Word[]>([
          ['GETEX', c.key('brief'), 'PX', c.random.integer(30, 3000)],
          ['GETEX', c.key('brief'), 'PERSIST'],
          ['GETDEL', c.key('brief')],
          ['SET', c.key('brief'), c.value(), 'PXAT', Date.now() + c.random.integer(30, 3000)],
        ]),
      ],
    }),
  },
  {
    weight: 0.05,
    make: (c) => {
      const large = Buffer.alloc(c.largeBytes, c.random.bytes(4096));
      return { commands: [['SET', `large:${c.random.integer(0, 3)}`, large]] };
    },
  },
];

/** What is stored in strings too, but written by its own commands. */
export const HYPERLOGLOGS_AND_BITS: readonly Recipe[] = [
  { weight: 3, make: (c) => ({ commands: [['PFADD', c.key('hll'), c.value(), c.value()]] }) },
  { weight: 1, make: (c) => ({ commands: [['PFMERGE', c.key('hll'), c.key('hll')]] }) },
  { weight: 1, make: (c) => ({ commands: [['PFCOUNT', c.key('hll')]] }) },
  {
    weight: 3,
    make: (c) => ({
      commands: [['SETBIT', c.key('bits'), c.random.integer(0, 5000), c.random.integer(0, 1)]],
    }),
  },
  {
    weight: 2,
    make: (c) => ({
      commands: [
        [
          ...['BITFIELD', c.key('bits'), 'SET', 'u8', c.random.integer(0, 999), 200],
          ...['OVERFLOW', 'SAT', 'INCRBY', 'i5', `#${c.random.integer(0, 99)}`, 3],
        ],
      ],
    }),
  },
  {
    weight: 1,
    make: (c) => ({
      commands: [
        ['BITOP', c.random.pick(['AND', 'OR', 'XOR']), c.key('bits'), c.key('bits'), c.key('bits')],
      ],
    }),
  },
];
