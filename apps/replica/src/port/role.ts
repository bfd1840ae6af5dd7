import type { ReplicaState } from '@forebay/replica';
import type { Reply } from '@forebay/resp-server';
import { array, bulk, integer } from '@forebay/resp-server';
import type { Status } from '../status/status.ts';

/** The link's state in the words of ROLE (`replication.c: roleCommand`). */
const WORDS: Readonly<Record<ReplicaState, string>> = {
  idle: 'connect',
  connect: 'connecting',
  handshake: 'handshake',
  transfer: 'sync',
  stream: 'connected',
  waiting: 'connect',
  detached: 'none',
};

export function linkWord(state: ReplicaState): string {
  return WORDS[state];
}

/** `ROLE`: always that of a replica, even where nobody is followed. */
export function roleOf({ upstream, link, log }: Status): Reply {
  const word = linkWord(link.state);
  const offset = word === 'connected' ? (log?.written ?? 0) : -1;
  const place = [bulk(upstream.host), integer(upstream.port)];
  return array(bulk('slave'), ...place, bulk(word), integer(offset));
}
