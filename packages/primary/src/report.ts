import { BLANK_ID } from '@forebay/psync';
import type { Command, Commands } from '@forebay/resp-server';
import { array, bulk, integer, MANY, verbatim } from '@forebay/resp-server';
import type { ReplicaDescription } from './replicas/replica-events.ts';
import type { ReplicationServer } from './replication-server.ts';
import type { Upstream } from './source.ts';

/** `INFO` and `ROLE` with replication only, to `register` at a server that has nothing else to report. */
export function reportCommands(server: ReplicationServer): Commands {
  const info: Command = {
    least: 1,
    most: MANY,
    summary: 'Shows the state of replication.',
    run: () => verbatim(replicationReport(server)),
  };
  const role: Command = {
    least: 1,
    most: 1,
    summary: 'Shows the role in replication.',
    run: () => roleOf(server),
  };
  return [
    ['info', info],
    ['role', role],
  ];
}

/** The fields of one replica in INFO, after `slaveN:`. */
export function replicaLine({ host, port, state, offset, lag }: ReplicaDescription): string {
  return `ip=${host},port=${port},state=${state},offset=${offset},lag=${lag}`;
}

/** `INFO replication`, in the servers' words and order (`server.c: genRedisInfoString`). */
function replicationReport({ upstream, held, backlogSize, replicas }: ReplicationServer): string {
  const { id = BLANK_ID, secondId = BLANK_ID, secondIdLimit = -1 } = held?.history ?? {};
  const lines = [
    '# Replication',
    ...(upstream === undefined ? ['role:master'] : upstreamLines(upstream, held?.offset ?? 0)),
    `connected_slaves:${replicas.length}`,
    ...replicas.map((replica, i) => `slave${i}:${replicaLine(replica)}`),
    'master_failover_state:no-failover',
    `master_replid:${id}`,
    `master_replid2:${secondId}`,
    `master_repl_offset:${held?.offset ?? 0}`,
    `second_repl_offset:${secondIdLimit}`,
    `repl_backlog_active:${held === undefined ? 0 : 1}`,
    `repl_backlog_size:${backlogSize}`,
    // From where a replica can continue, which may be long before the start of the backlog in memory.
    `repl_backlog_first_byte_offset:${held?.firstByte ?? 0}`,
    `repl_backlog_histlen:${held === undefined ? 0 : held.offset - held.firstByte + 1}`,
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** `ROLE` (`replication.c: roleCommand`). */
function roleOf({ upstream, held, replicas }: ReplicationServer) {
  const offset = held?.offset ?? 0;
  if (upstream !== undefined) {
    const { host, port, up } = upstream;
    const state = up ? 'connected' : 'connect';
    const parts = [bulk('slave'), bulk(host), integer(port), bulk(state)];
    return array(...parts, integer(up ? offset : -1));
  }
  const online = replicas
    .filter(({ state }) => state === 'online')
    .map(({ host, port, offset }) => array(bulk(host), bulk(String(port)), bulk(String(offset))));
  return array(bulk('master'), integer(offset), array(...online));
}

function upstreamLines({ host, port, up }: Upstream, offset: number): string[] {
  return [
    'role:slave',
    `master_host:${host}`,
    `master_port:${port}`,
    `master_link_status:${up ? 'up' : 'down'}`,
    `slave_read_repl_offset:${offset}`,
    `slave_repl_offset:${offset}`,
    'slave_priority:0',
    'slave_read_only:1',
  ];
}
