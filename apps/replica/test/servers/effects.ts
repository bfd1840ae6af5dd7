import type { Server, Word } from '@forebay/conformance';
import type { Random } from '@forebay/testkit';
import { expect } from 'vitest';

const MANY = 5000;
/** More than any buffer on the way holds. */
const OVERSIZED = 8 * 1024 * 1024;

const SCRIPT = `
redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
redis.call('SPOP', KEYS[2])
redis.call('SELECT', 7)
return redis.call('SET', KEYS[1], redis.call('TIME')[2])`;

const LIBRARY = `#!lua name=effects
redis.register_function('count', function(keys, args)
  redis.call('RPUSH', keys[1], args[1])
  return redis.call('INCR', keys[2])
end)`;

/** What the servers' own tests look at in a stream: each kind of write that is not sent as it was typed. */
export async function allEffectsOn(primary: Server): Promise<void> {
  const run = (line: string): Promise<unknown> => {
    const [name = '', ...words] = line.split(' ');
    return primary.command(name, ...words);
  };
  const numbered = (each: (n: number) => Word[]) => Array.from({ length: MANY }, (_, n) => each(n));

  for (const line of ['SELECT 3', 'SET gone 1', 'FLUSHDB', 'SET swapped 1', 'SELECT 0', 'FLUSHALL'])
    await run(line);
  for (const line of ['SELECT 3', 'SET swapped 1', 'SWAPDB 0 3', 'SELECT 0', 'SET unswapped 1'])
    await run(line);
  await run('SET float 1.5');
  await run('PEXPIRE float 600000');
  await run('INCRBYFLOAT float 0.1');
  await run('HINCRBYFLOAT hash float 2.7');

  await primary.command('SADD', 'set', ...numbered((n) => [n]).flat());
  await primary.command('MSET', ...numbered((n) => [`key:${n}`, n]).flat());
  await primary.command('ZADD', 'zset', ...numbered((n) => [n / 7, `member:${n}`]).flat());
  await primary.command('DEL', ...numbered((n) => [`key:${n * 2}`]).flat());
  for (const line of ['SPOP set', 'SPOP set 100', 'SPOP set 1000', 'SADD one 1', 'SPOP one 9'])
    await run(line);
  await primary.command('SET', 'oversized', Buffer.alloc(OVERSIZED, 'forebay '));
  await primary.command('APPEND', 'oversized', 'more');

  for (const line of ['PFADD hll a b c', 'PFCOUNT hll', 'PFMERGE hll2 hll']) await run(line);
  for (const line of ['MULTI', 'SET a 1', 'SELECT 5', 'SET a 2', 'EXEC', 'SELECT 0'])
    await run(line);
  await primary.command('EVAL', SCRIPT, 2, 'float', 'set', '0.25');
  const sha = String(await primary.command('SCRIPT', 'LOAD', SCRIPT));
  await primary.command('EVALSHA', sha, 2, 'float', 'set', '0.25');
  await run('PUBLISH channel message');
  if (primary.installed.functions) {
    await primary.command('FUNCTION', 'LOAD', LIBRARY);
    await run('FCALL count 2 list counter value');
  }
  await expireOn(primary);
}

/** Keys `lazy` and `active`, of which one is seen to have expired and the other is found. */
async function expireOn(primary: Server): Promise<void> {
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
  await primary.command('SET', 'lazy', '1', 'PX', 1);
  await expect.poll(() => primary.command('GET', 'lazy')).toBeNull();
  const expired = async () => Number((await primary.info('stats')).expired_keys);
  const before = await expired();
  await primary.command('SET', 'active', '1', 'PX', 1);
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  await expect.poll(expired).toBeGreaterThan(before);
  if (!primary.installed.fieldTtl) return;
  await primary.command('HSET', 'fields', 'short', '1', 'long', '1');
  await primary.command('HPEXPIRE', 'fields', 1, 'FIELDS', 1, 'short');
  await expect.poll(() => primary.command('HLEN', 'fields')).toBe(1);
}

/** Several clients that push, wait for each other in vain or not, and change types meanwhile. */
export async function blockedClientsOn(
  primary: Server,
  random: Random,
  clients = 4,
  operations = 150,
): Promise<void> {
  const { since62, functions } = primary.installed;
  const key = () => `{b}${random.pick(['list', 'zset'])}:${random.integer(0, 2)}`;
  const list = () => `{b}list:${random.integer(0, 2)}`;
  const zset = () => `{b}zset:${random.integer(0, 2)}`;
  const wait = '0.02';
  const makers: (() => Word[])[] = [
    () => ['BLPOP', list(), list(), wait],
    () => ['BRPOP', list(), list(), wait],
    () => ['BRPOPLPUSH', list(), list(), wait],
    () => ['BZPOPMIN', zset(), zset(), wait],
    () => ['BZPOPMAX', zset(), zset(), wait],
    () => ['LPUSH', list(), random.integer(0, 99), random.integer(0, 99)],
    () => ['RPUSH', list(), random.integer(0, 99)],
    () => ['ZADD', zset(), random.integer(0, 99), `m${random.integer(0, 99)}`, 5, 'm'],
    () => ['EVAL', `return redis.call('LPUSH', KEYS[1], 1, 2)`, 1, list()],
    () => ['DEL', key()],
    () => ['SET', key(), 'text'],
    ...(since62 ? [() => ['BLMOVE', list(), list(), 'LEFT', 'RIGHT', wait]] : []),
    ...(functions
      ? [
          () => ['BLMPOP', wait, 2, list(), list(), 'LEFT', 'COUNT', 3],
          () => ['BZMPOP', wait, 2, zset(), zset(), 'MIN', 'COUNT', 3],
        ]
      : []),
  ];
  const work = async (): Promise<void> => {
    const client = primary.newClient();
    for (let n = 0; n < operations; n++) {
      const [name, ...words] = random.pick(makers)();
      // A key of another type is refused, and that is part of it.
      await client.call(String(name), words).catch((error: Error) => {
        if (!error.message.includes('WRONGTYPE')) throw error;
      });
    }
    client.disconnect();
  };
  await Promise.all(Array.from({ length: clients }, work));
}
