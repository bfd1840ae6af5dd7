import type { Client, Reply } from '@forebay/resp-server';
import { error, OK } from '@forebay/resp-server';
import type { Configuration } from '../config/configuration.ts';
import type { Follower } from '../follow/follower.ts';

const NOT_BY_SENTINEL = error(
  'ERR forebay keeps a replication stream and holds no data to serve: it cannot be promoted. Leave its ' +
    'replica-priority at 0, and a Sentinel does not choose it.',
);

/** `REPLICAOF host port`, and `NO ONE`, which lets go of the primary: it is a replica all the same. */
export async function replicaof(
  follower: Follower,
  configuration: Configuration,
  { name }: Client,
  [host = '', port = '']: readonly string[],
): Promise<Reply> {
  if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') {
    if (name.startsWith('sentinel-')) return NOT_BY_SENTINEL;
    follower.detach();
    return OK;
  }
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number < 1 || number > 65_535) {
    return error('ERR Invalid master port');
  }
  if (!/^[\w.:%-]{1,255}$/.test(host)) return error('ERR Invalid master host');
  const { upstream, attached } = follower;
  const isSame = upstream.host === host && upstream.port === number;
  if (isSame && attached) return { type: 'simple', text: ALREADY };
  const loop = await follower.loopAt(host, number);
  if (loop !== undefined) return error(`ERR cannot follow ${host}:${port}: ${loop}`);
  configuration.follows(follower.retarget(host, number));
  return OK;
}

const ALREADY = 'OK Already connected to specified master';
