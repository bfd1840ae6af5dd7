import { blob, i64, length, listpack, rawId, rdb } from './build.ts';

/** A small RDB with a key of each kind. */
export function oneOfAllKinds(): Uint8Array {
  const node = listpack(1, 0, 1, 'f', 0, 2, 0, 0, 'v', 4);
  return rdb(
    'REDIS0012',
    ...[0xfa, 'redis-ver', '7.4', 0xf5, 'code', 0xfe, length(3), 0xfb, length(9), length(1)],
    ...[0xfc, i64(1e12), 0, 'string', 'value', 1, 'list', length(2), 'a', 'b'],
    ...[
      2,
      'set',
      length(1),
      'm',
      5,
      'zset',
      length(1),
      'm',
      i64(0),
      4,
      'hash',
      length(1),
      'f',
      'v',
    ],
    ...[16, 'small hash', blob(listpack('f', 1)), 17, 'small zset', blob(listpack('m', '1.5'))],
    ...[18, 'quicklist', length(1), length(2), blob(listpack('a', 'b'))],
    ...[24, 'times', i64(5), length(1), length(2), 'f', 'v'],
    ...[21, 'stream', length(1), blob(rawId(1, 1)), blob(node), length(1), length(1), length(1)],
    ...[length(1), length(1), length(0), length(0), length(1)],
    ...[length(1), 'g', length(1), length(1), length(1), length(1), rawId(1, 1), i64(1), length(1)],
    ...[length(1), 'c', i64(1), i64(1), length(1), rawId(1, 1)],
  );
}
