import { randomFrom } from '@forebay/testkit';
import type { Redis } from 'ioredis';
import { whatItKnows } from '../compare/keyspace.ts';
import type { Word } from '../servers/server.ts';

type Command = readonly [string, ...Word[]];

/** The year 2096: it does not come while a test runs. */
const FAR = 4_000_000_000_000;
const MEGABYTE = 1_048_576;
/** How many commands are sent before their replies are awaited. */
const WINDOW = 200;

/** Any bytes, the same ones for the same name; they do not compress. */
function binary(length: number, name: number): Buffer {
  return Buffer.from(randomFrom(name).bytes(length));
}

function numbers<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/**
 * Writes a data set that has every type in every encoding the server can make by default: small and large,
 * integers and any bytes, at the bounds of what encodings hold; with times, of fields too where there are;
 * streams with groups; functions; databases 0, 1 and 9; and names of keys that are empty, binary and 1 MB
 * long. Always the same one for the same version, and about 6 MB. The database selected is 0 afterwards.
 *
 * @throws what the server refuses
 */
export async function everyType(client: Redis): Promise<void> {
  const knows = await whatItKnows(client);
  const commands: Command[] = [
    ...strings(),
    ...lists(),
    ...sets(),
    ...sortedSets(),
    ...hashes(),
    ...(knows.fieldTtl ? fieldTimes() : []),
    ...streams(knows.functions),
    ...names(),
    ...times(),
    ...(knows.functions ? functions() : []),
    ...otherDatabases(),
  ];
  let window: Promise<unknown>[] = [];
  for (const [name, ...words] of commands) {
    window.push(client.call(name, words));
    if (window.length < WINDOW) continue;
    await Promise.all(window);
    window = [];
  }
  await Promise.all(window);
}

function strings(): Command[] {
  const powers = [2 ** 7, 2 ** 15, 2 ** 31, 2 ** 32, 2 ** 53].flatMap((power) =>
    [power, power - 1, -power, -power - 1].map(
      (value) => ['SET', `string:${value}`, value] as const,
    ),
  );
  const lengths = [0, 1, 20, 21, 44, 45, 63, 64, 16_383, 16_384, MEGABYTE];
  return [
    ...powers,
    ...lengths.flatMap((length): Command[] => [
      ['SET', `string:repeated:${length}`, Buffer.alloc(length, 'repeated ')],
      ['SET', `string:binary:${length}`, binary(length, length)],
    ]),
    ...['007', '-0', '+1', '1.5', '9223372036854775807', '9223372036854775808'].map(
      (text): Command => ['SET', `string:text:${text}`, text],
    ),
    ['SETBIT', 'string:bits', 100_000, 1],
    ['PFADD', 'string:sparse log', ...numbers(20, (i) => `element ${i}`)],
    ['PFADD', 'string:dense log', ...numbers(5000, (i) => `element ${i}`)],
  ];
}

/** Elements of each form that containers have for them. */
const ELEMENTS: readonly Word[] = [
  ...['', 'text', '007', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
  ...[0, 12, 13, 127, 128, -1, 4095, 4096, -4096, -4097, 32_767, 32_768, -32_769],
  ...[
    2 ** 23 - 1,
    2 ** 23,
    -(2 ** 23),
    -(2 ** 23) - 1,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 53,
  ],
  ...[binary(10, 1), binary(63, 2), binary(64, 3)],
];
const LONG_ELEMENTS: readonly Word[] = [
  ...[253, 254, 255, 4095, 4096, 8192, 16_384, 70_000].map((length) => binary(length, length)),
  Buffer.alloc(20_000, 'compressible'),
];

function lists(): Command[] {
  return [
    ['RPUSH', 'list:small', ...ELEMENTS],
    ['RPUSH', 'list:of one', 'element'],
    ['RPUSH', 'list:integers', ...numbers(5000, (i) => i * i * i)],
    ['RPUSH', 'list:long', ...LONG_ELEMENTS, ...ELEMENTS, ...LONG_ELEMENTS],
    ['RPUSH', 'list:of 1 MB', binary(MEGABYTE, 7), 'small', binary(9000, 8)],
    ['RPUSH', 'list:many', ...numbers(20_000, (i) => `element ${i % 100} of many`)],
  ];
}

function sets(): Command[] {
  return [
    ['SADD', 'set:of 16 bits', 0, 1, -1, 32_767, -32_768],
    ['SADD', 'set:of 32 bits', 1, 2, 2 ** 31 - 1, -(2 ** 31)],
    ['SADD', 'set:of 64 bits', 1, '9223372036854775807', '-9223372036854775808'],
    ['SADD', 'set:integers', ...numbers(512, (i) => i * 7)],
    ['SADD', 'set:many integers', ...numbers(2000, (i) => i * 7)],
    ['SADD', 'set:small', ...ELEMENTS],
    ['SADD', 'set:long', ...ELEMENTS, ...LONG_ELEMENTS],
    ['SADD', 'set:many', ...numbers(5000, (i) => `member ${i}`)],
  ];
}

function sortedSets(): Command[] {
  const scores = ['-inf', '-1e300', -(2 ** 53), -1.5, '-5e-324', 0, '5e-324', 0.1, 1, 1 / 3, 17.5];
  const more = [2 ** 31, 2 ** 53, 2 ** 53 + 2, 1e21, '1.7976931348623157e308', '+inf'];
  const all = [...scores, ...more];
  return [
    ['ZADD', 'zset:scores', ...all.flatMap((score, i) => [score, `member ${i}`])],
    ['ZADD', 'zset:of zero', '-0', 'minus zero', 0, 'zero'],
    ['ZADD', 'zset:members', ...ELEMENTS.flatMap((member, i) => [i / 4, member])],
    ['ZADD', 'zset:long', ...LONG_ELEMENTS.flatMap((member, i) => [all[i] ?? 0, member])],
    [
      'ZADD',
      'zset:many',
      ...numbers(3000, (i) => i).flatMap((i) => [(i % 1000) / 7, `member ${i}`]),
    ],
    ['ZADD', 'zset:many scores', ...all.flatMap((score, i) => [score, binary(100, i)])],
    ['GEOADD', 'zset:places', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'],
  ];
}

function hashes(): Command[] {
  return [
    ['HSET', 'hash:small', ...ELEMENTS.flatMap((element, i) => [`field ${i}`, element])],
    ['HSET', 'hash:fields', ...ELEMENTS.flatMap((element, i) => [element, `value ${i}`])],
    ['HSET', 'hash:long', ...LONG_ELEMENTS.flatMap((element, i) => [`field ${i}`, element])],
    ['HSET', 'hash:many', ...numbers(2000, (i) => i).flatMap((i) => [`field ${i}`, i])],
  ];
}

/** Of a hash that is small, and of a large one; some fields without. */
function fieldTimes(): Command[] {
  return ['small', 'large'].flatMap((size): Command[] => {
    const key = `hash:times:${size}`;
    const count = size === 'small' ? 20 : 1500;
    const fields = numbers(count, (i) => `field ${i}`);
    return [
      ['HSET', key, ...fields.flatMap((field, i) => [field, i % 2 === 0 ? i : binary(30, i)])],
      ...[0, 1, 2].map((group): Command => {
        const some = fields.filter((_, i) => i % 5 === group);
        return ['HPEXPIREAT', key, FAR + group * 86_400_001, 'FIELDS', some.length, ...some];
      }),
    ];
  });
}

function streams(since7: boolean): Command[] {
  const add = (key: string, id: string, ...fields: Word[]): Command => ['XADD', key, id, ...fields];
  const read = (key: string, group: string, consumer: string, count: number): Command => {
    return ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', key, '>'];
  };
  const [many, odd] = ['stream:many', 'stream:odd'];
  const most = '18446744073709551615';
  return [
    add('stream:small', '1-1', 'field', 'value'),
    ...ELEMENTS.map((element, i) => add(odd, `${1000 + i}-${i % 3}`, element, i, 'other', element)),
    ...LONG_ELEMENTS.map((element, i) => add(odd, `2000-${i}`, 'long', element)),
    add('stream:far', '5-5', 'a', 'b'),
    add('stream:far', `${2 ** 53}-7`, 'a', 'b'),
    add('stream:far', `${most}-${most}`, 'a', 'b', 'c', 'd'),
    ...numbers(1000, (i) =>
      add(many, `${1_600_000_000_000 + i * 7}-0`, 'n', i, 'text', `entry ${i}`),
    ),
    ['XGROUP', 'CREATE', many, 'first', 0],
    ['XGROUP', 'CREATE', many, 'second', `${1_600_000_000_000 + 7 * 300}-0`],
    ['XGROUP', 'CREATE', many, 'without consumers', '$'],
    read(many, 'first', 'alice', 150),
    read(many, 'first', binary(12, 1).toString('latin1'), 40),
    read(many, 'second', 'alice', 3),
    read(many, 'second', 'bob', 1),
    ['XACK', many, 'first', ...numbers(50, (i) => `${1_600_000_000_000 + i * 7}-0`)],
    ['XACK', many, 'second', `${1_600_000_000_000 + 7 * 304}-0`],
    // Some within nodes, and all of a node; some that are pending.
    ['XDEL', many, ...numbers(20, (i) => `${1_600_000_000_000 + (40 + i * 3) * 7}-0`)],
    ['XDEL', many, ...numbers(110, (i) => `${1_600_000_000_000 + (395 + i) * 7}-0`)],
    ['XTRIM', many, 'MAXLEN', 800],
    add('stream:emptied', '7-7', 'field', 'value'),
    ['XDEL', 'stream:emptied', '7-7'],
    ['XGROUP', 'CREATE', 'stream:of a group', 'group', '0', 'MKSTREAM'],
    add('stream:set', '9-9', 'field', 'value'),
    since7
      ? ['XSETID', 'stream:set', '100-100', 'ENTRIESADDED', 77, 'MAXDELETEDID', '50-50']
      : ['XSETID', 'stream:set', '100-100'],
  ];
}

function names(): Command[] {
  const all = ['', 'with \0 inside', '12345', '-129', binary(300, 3), binary(MEGABYTE, 4)];
  return all.map((name): Command => ['SET', name, 'of a name']);
}

function times(): Command[] {
  return [
    ['SET', 'time:string', 'value'],
    ['RPUSH', 'time:list', 'value'],
    ['PEXPIREAT', 'time:string', FAR + 1],
    ['PEXPIREAT', 'time:list', 2 ** 42 + 12_345_678_901],
  ];
}

function functions(): Command[] {
  const library = (name: string): string => {
    const body = `redis.register_function('${name}_echo', function(keys, args) return args end)`;
    return `#!lua name=${name}\n${body}\n`;
  };
  return ['one', 'two'].map((name): Command => ['FUNCTION', 'LOAD', library(name)]);
}

function otherDatabases(): Command[] {
  return [
    ...[1, 9].flatMap((database): Command[] => [
      ['SELECT', database],
      ['SET', 'string', `of database ${database}`],
      ['SADD', 'set', database, 'member'],
      ['SET', 'time', 'value'],
      ['PEXPIREAT', 'time', FAR + database],
    ]),
    ['SELECT', 0],
  ];
}
