import { BLANK_ID } from '@forebay/psync';
import type { RespValue } from '@forebay/resp';
import { array, bulk, integer } from '../../conversation/replies.ts';
import type { ReplicaDescription, ServedReplicas } from '../served-replicas.ts';

/** `INFO replication`, in the servers' words and order (`server.c: genRedisInfoString`). */
export function replicationReport(replicas: ServedReplicas): string {
  const { upstream, held, backlog } = replicas;
  const attached = replicas.list();
  const { id = BLANK_ID, secondId = BLANK_ID, secondIdLimit = -1 } = held?.history ?? {};
  const lines = [
    '# Replication',
    ...(upstream === undefined ? ['role:master'] : upstreamLines(upstream, held?.offset ?? 0)),
    `connected_slaves:${attached.length}`,
    ...attached.map((client, i) => `slave${i}:${replicaLine(replicas.describe(client))}`),
    'master_failover_state:no-failover',
    `master_replid:${id}`,
    `master_replid2:${secondId}`,
    `master_repl_offset:${held?.offset ?? 0}`,
    `second_repl_offset:${secondIdLimit}`,
    `repl_backlog_active:${held === undefined ? 0 : 1}`,
    `repl_backlog_size:${backlog.size}`,
    // What can be gone on from, which may reach back far beyond what is in memory.
    `repl_backlog_first_byte_offset:${held?.firstByte ?? 0}`,
    `repl_backlog_histlen:${held === undefined ? 0 : held.offset - held.firstByte + 1}`,
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** `ROLE` (`replication.c: roleCommand`). */
export function role(replicas: ServedReplicas): RespValue {
  const { upstream, held } = replicas;
  const offset = held?.offset ?? 0;
  if (upstream !== undefined) {
    const { host, port, up } = upstream;
    const state = up ? 'connected' : 'connect';
    const parts = [bulk('slave'), bulk(host), integer(port), bulk(state)];
    return array(...parts, integer(up ? offset : -1));
  }
  const attached = replicas.list().filter(({ attachment }) => attachment?.state === 'online');
  const each = attached.map((client) => {
    const { traits, attachment } = client;
    const parts = [
      client.host,
      String(traits.listeningPort),
      String(attachment?.acknowledged ?? 0),
    ];
    return array(...parts.map(bulk));
  });
  return array(bulk('master'), integer(offset), array(...each));
}

function upstreamLines(
  { host, port, up }: NonNullable<ServedReplicas['upstream']>,
  offset: number,
): string[] {
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

/** What INFO says of one replica, behind its `slaveN:`. */
export function replicaLine({ host, port, state, offset, lag }: ReplicaDescription): string {
  return `ip=${host},port=${port},state=${state},offset=${offset},lag=${lag}`;
}
