import { connect } from 'node:net';
import type { RespValue } from '@forebay/resp';
import { encodeCommand, RespDecoder } from '@forebay/resp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chain, expectCaughtUp, replicaOf, serversNamed } from './chain.ts';

/** What a real replica of any of these answers, we answer in the same type and words. */
const SAME = [
  ...['PING', 'PING a', 'PING a b', 'ECHO a', 'ECHO', 'SELECT 0', 'SELECT 15', 'SELECT -1'],
  ...['SELECT x', 'AUTH x', 'AUTH default x', 'AUTH a b', 'AUTH a b c'],
  ...['HELLO 4', 'HELLO x', 'HELLO 3 SETNAME', 'HELLO 3 AUTH a b', 'HELLO 2 X'],
  ...['CLIENT', 'CLIENT X', 'CLIENT ID x', 'CLIENT GETNAME', 'CLIENT SETNAME me', 'CLIENT SETNAME'],
  ...['CLIENT GETNAME', 'CLIENT LIST ID 999', 'CLIENT LIST TYPE x', 'CLIENT LIST X'],
  ...['CLIENT KILL', 'CLIENT KILL ID 9999', 'CLIENT KILL 1.1.1.1:1', 'CLIENT KILL TYPE x'],
  ...['CLIENT KILL TYPE master SKIPME no ID 9999', 'CLIENT LIST TYPE pubsub'],
  ...['CLIENT NO-EVICT on', 'CLIENT NO-EVICT x', 'CLIENT NO-EVICT'],
  ...['ROLE x', 'LASTSAVE x', 'BGSAVE x', 'SHUTDOWN x', 'SHUTDOWN ABORT'],
  ...['SHUTDOWN SAVE NOSAVE', 'SHUTDOWN SAVE ABORT'],
  ...['CONFIG', 'CONFIG X', 'CONFIG GET', 'CONFIG SET', 'CONFIG SET a', 'CONFIG SET nope 1'],
  ...['CONFIG SET databases 1', 'CONFIG SET replica-priority 0', 'CONFIG SET timeout 1 timeout 2'],
  ...['CONFIG SET requirepass', 'CONFIG REWRITE x', 'CONFIG RESETSTAT', 'CONFIG RESETSTAT x'],
  ...['CONFIG GET timeout', 'CONFIG GET replica-priority', 'CONFIG GET slaveof', 'CONFIG GET nope'],
  ...['CONFIG GET databases', 'CONFIG GET maxmemory', 'CONFIG GET tcp-keepalive'],
  ...['CONFIG GET replica-announced', 'CONFIG GET tls-auth-clients', 'CONFIG GET protected-mode'],
  ...['REPLICAOF', 'REPLICAOF a', 'REPLICAOF a b', 'REPLICAOF a 70000', 'SLAVEOF a b'],
  ...['SLOWLOG', 'SLOWLOG RESET', 'SLOWLOG LEN', 'SLOWLOG GET', 'SLOWLOG GET -1', 'SLOWLOG GET x'],
  ...['SLOWLOG GET -2', 'SLOWLOG X', 'LATENCY', 'LATENCY LATEST', 'LATENCY HISTORY command'],
  ...['LATENCY HISTORY', 'LATENCY RESET', 'LATENCY HISTOGRAM nope', 'LATENCY X'],
  ...['ACL', 'ACL WHOAMI', 'ACL X', 'MODULE', 'MODULE X'],
  ...['EXEC', 'DISCARD', 'MULTI', 'PING', 'EXEC', 'MULTI', 'DISCARD', 'MULTI', 'ECHO', 'EXEC'],
  ...['SUBSCRIBE', 'UNSUBSCRIBE', 'UNSUBSCRIBE a', 'PUNSUBSCRIBE', 'PUBLISH a', 'PUBLISH a b'],
  ...['PUBSUB', 'PUBSUB CHANNELS', 'PUBSUB NUMSUB', 'PUBSUB NUMPAT', 'PUBSUB X'],
  ...['SSUBSCRIBE', 'SUNSUBSCRIBE', 'SUNSUBSCRIBE a', 'SPUBLISH a', 'SPUBLISH a b'],
  ...['PUBSUB SHARDCHANNELS', 'PUBSUB SHARDNUMSUB a'],
  ...['COMMAND COUNT x', 'COMMAND X', 'COMMAND INFO nope', 'COMMAND DOCS nope', 'COMMAND LIST x'],
  ...['CLUSTER INFO', 'TIME x'],
  ...['INFO nope', 'INFO nope nope', 'REPLCONF x', 'REPLCONF x y', 'PSYNC', 'RESET x', 'RESET'],
  ...['SUBSCRIBE a', 'PING', 'GET a', 'INFO', 'UNSUBSCRIBE a', 'PING', 'QUIT x'],
];

/** The replies to these commands, one after another, on one connection. */
async function repliesOf(port: number, commands: readonly string[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const decoder = new RespDecoder();
  const values: RespValue[] = [];
  let wake = (): void => {};
  socket.on('data', (bytes) => {
    decoder.push(bytes);
    for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
      values.push(value);
    }
    wake();
  });
  socket.on('close', () => wake());
  for (const [i, command] of commands.entries()) {
    socket.write(encodeCommand(command.split(' ')));
    while (values.length <= i) {
      if (socket.destroyed) throw new Error(`it ended at ${command}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return commands.map((command, i) => `${command}: ${printed(values[i]!)}`);
}

function printed(value: RespValue): string {
  return JSON.stringify(value, (_, part) => {
    return part instanceof Uint8Array ? Buffer.from(part).toString('latin1') : part;
  });
}

describe.each(serversNamed('redis-7.0', 'redis-8.0', 'valkey-9.1'))('$name', (installed) => {
  it('as a replica answers what we answer', async () => {
    const { primary, port } = await chain(installed, {}, 1);
    const replica = await replicaOf(installed, primary.port, {
      ...{ 'replica-priority': '0', 'replica-announced': 'no' },
    });
    await expectCaughtUp(primary, replica);
    // Its tests have them otherwise than it comes.
    await replica.command('CONFIG', 'SET', 'protected-mode', 'yes');
    // On a busy machine any command may be one of those.
    await replica.command('CONFIG', 'SET', 'slowlog-log-slower-than', -1);
    const ours = await repliesOf(port, SAME);
    expect(ours).toEqual(await repliesOf(replica.port, SAME));
  });
});
