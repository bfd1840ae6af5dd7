import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledServer, Word } from '@forebay/conformance';
import { installedServers, Server } from '@forebay/conformance';
import { concatBytes, randomFrom, splitAtRandom } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { AbsoluteTimes } from '../src/restore/absolute-times.ts';

/** How long the keys are to live, and how long before the loading that was said; milliseconds. */
const LIFE = 1_000_000;
const AGE = 100_000;
/** What capturing and loading may take. */
const SLACK = 20_000;

/** `persist` and `set` below. */
const KEYS_THAT_LOSE_A_TIME = 2;

/** What is typed into a primary, and what becomes of its key. */
type Typed = readonly [lives: 'relative' | 'absolute' | 'ever' | 'gone', ...commands: Word[][]];

function typed(payload: Buffer): Record<string, Typed> {
  const seconds = String(LIFE / 1000);
  const end = String(Date.now() + LIFE);
  const long = 'x'.repeat(100_000);
  return {
    expire: ['relative', ['SET', 'expire', 'v'], ['EXPIRE', 'expire', seconds]],
    pexpire: ['relative', ['SET', 'pexpire', 'v'], ['PEXPIRE', 'pexpire', LIFE]],
    setex: ['relative', ['SETEX', 'setex', seconds, 'v']],
    psetex: ['relative', ['psetex', 'psetex', LIFE, 'v']],
    setEx: ['relative', ['SET', 'setEx', 'v', 'ex', seconds]],
    setPx: ['relative', ['SET', 'setPx', 'v', 'NX', 'PX', LIFE]],
    setXx: ['relative', ['SET', 'setXx', 'v'], ['SET', 'setXx', 'w', 'PX', LIFE, 'XX']],
    long: ['relative', ['SET', 'long', long, 'EX', seconds]],
    restore: ['relative', ['RESTORE', 'restore', LIFE, payload]],
    replace: ['relative', ['RESTORE', 'replace', LIFE, payload, 'REPLACE', 'IDLETIME', '5']],
    script: ['relative', ['EVAL', `redis.call('setex', KEYS[1], ${seconds}, 'v')`, '1', 'script']],
    multi: ['relative', ['MULTI'], ['SET', 'multi', 'v'], ['EXPIRE', 'multi', seconds], ['EXEC']],
    pexpireat: ['absolute', ['SET', 'pexpireat', 'v'], ['PEXPIREAT', 'pexpireat', end]],
    absttl: ['absolute', ['RESTORE', 'absttl', end, payload, 'ABSTTL']],
    keepttl: ['relative', ['SETEX', 'keepttl', seconds, 'v'], ['SET', 'keepttl', 'w', 'KEEPTTL']],
    persist: ['ever', ['SETEX', 'persist', seconds, 'v'], ['PERSIST', 'persist']],
    set: ['ever', ['SETEX', 'set', seconds, 'v'], ['SET', 'set', 'w']],
    negative: ['gone', ['SET', 'negative', 'v'], ['EXPIRE', 'negative', '-1']],
  };
}

describe.each(installedServers().filter((one) => !one.absoluteTimes))('$name', (installed) => {
  it('loads what it propagated with its own times, and with later ones as it came', async () => {
    await using primary = await Server.start(installed);
    await primary.command('SET', 'payload', 'v');
    const payload = (await primary.commandBuffer('DUMP', 'payload')) as Buffer;
    const all = typed(payload);
    const stream = await captured(primary, async () => {
      for (const [, ...commands] of Object.values(all)) {
        for (const [name, ...words] of commands) await primary.command(String(name), ...words);
      }
    });

    const times = new AbsoluteTimes();
    const pieces = splitAtRandom(stream, randomFrom(1), 10_000);
    const rewritten = pieces.flatMap((piece) => times.push(piece, Date.now() - AGE));
    expect([times.pending, times.scriptsPassed]).toEqual([0, 0]);
    const relative = Object.values(all).filter(([lives]) => lives === 'relative');
    expect(times.changed).toBe(relative.length + KEYS_THAT_LOSE_A_TIME);

    const names = Object.keys(all);
    const verbatim = await timesToLive(installed, stream, names);
    const absolute = await timesToLive(installed, concatBytes(rewritten), names);
    for (const [name, [lives]] of Object.entries(all)) {
      const expected = { relative: 'full', absolute: 'full', ever: -1, gone: -2 }[lives];
      expect(`${name} ${verbatim[name]}`).toBe(`${name} ${expected}`);
      const less = lives === 'relative' ? 'aged' : expected;
      expect(`${name} ${absolute[name]}`).toBe(`${name} ${less}`);
    }
  });
});

/** What a primary propagates while `act` runs. */
async function captured(primary: Server, act: () => Promise<void>): Promise<Uint8Array> {
  const socket = connect(primary.port, primary.host);
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  socket.write('SYNC\r\n');
  await expect.poll(() => streamOf(received) !== undefined).toBe(true);
  await act();
  await primary.command('SET', 'captured', 'v');
  await expect.poll(() => streamOf(received)?.includes('captured\r\n$1\r\nv\r\n')).toBe(true);
  socket.destroy();
  return new Uint8Array(streamOf(received)!);
}

/** What follows the snapshot: `$<length>` and so many bytes, bare newlines before it. */
function streamOf(received: Buffer): Buffer | undefined {
  const head = /^\n*\$(\d+)\r\n/.exec(received.toString('latin1', 0, 100));
  if (head === null) return undefined;
  const end = head[0].length + Number(head[1]);
  return received.length < end ? undefined : received.subarray(end);
}

/** PTTL of each key where `stream` is loaded; `full` or `aged` where it is LIFE, or AGE less. */
async function timesToLive(
  installed: InstalledServer,
  stream: Uint8Array,
  names: readonly string[],
): Promise<Record<string, string | number>> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-times-'));
  await writeFile(join(directory, 'appendonly.aof'), stream);
  const config = { appendonly: 'yes', appendfsync: 'no' };
  await using server = await Server.start(installed, { directory, removeDirectory: true, config });
  const times: Record<string, string | number> = {};
  for (const name of names) times[name] = inWords(Number(await server.command('PTTL', name)));
  return times;
}

function inWords(ms: number): string | number {
  if (ms <= LIFE && ms > LIFE - SLACK) return 'full';
  return ms <= LIFE - AGE && ms > LIFE - AGE - SLACK ? 'aged' : ms;
}
