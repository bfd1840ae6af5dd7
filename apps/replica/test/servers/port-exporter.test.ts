import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort, installedTool } from '@forebay/conformance';
import { expect, it, onTestFinished } from 'vitest';
import { chain, expectCaughtUp, replicaOf, threeServers } from './chain.ts';

const command = installedTool('redis-exporter');
const [installed] = threeServers().slice(-1);

it.skipIf(command === undefined)(
  'redis_exporter tells Prometheus of us what it tells of a replica',
  async () => {
    const { primary, port } = await chain(installed!, { 'repl-ping-replica-period': '3600' }, 1);
    const replica = await replicaOf(installed!, primary.port);
    const below = await replicaOf(installed!, port);
    await expectCaughtUp(primary, replica);
    await expectCaughtUp(primary, below);
    const [ours, theirs] = [await scraped(port), await scraped(replica.port)];
    expect(ours).toMatchObject({
      redis_up: '1',
      redis_exporter_last_scrape_error: expect.stringMatching(/^0/),
      redis_master_link_up: '1',
      redis_connected_slaves: '1',
      redis_slave_info: '1',
      redis_loading_dump_file: '0',
      redis_slave_priority: '0',
      redis_config_maxclients: '10000',
    });
    const { redis_slave_repl_offset: offset } = ours;
    expect(Number(offset)).toBe(Number(theirs.redis_slave_repl_offset));
    // What alerts and dashboards of replicas ask for.
    for (const name of [
      ...['redis_uptime_in_seconds', 'redis_connected_clients', 'redis_rejected_connections_total'],
      ...['redis_commands_processed_total', 'redis_connections_received_total'],
      ...[
        'redis_master_repl_offset',
        'redis_master_last_io_seconds_ago',
        'redis_memory_used_bytes',
      ],
      ...['redis_net_input_bytes_total', 'redis_net_output_bytes_total'],
      ...['redis_keyspace_hits_total', 'redis_evicted_keys_total', 'redis_expired_keys_total'],
      ...['redis_mem_fragmentation_ratio'],
      ...['redis_master_sync_in_progress', 'redis_replica_resyncs_full', 'redis_instance_info'],
      ...['redis_rdb_last_save_timestamp_seconds', 'redis_rdb_last_bgsave_status'],
      ...['redis_aof_enabled', 'redis_aof_last_write_status', 'redis_slowlog_length'],
      ...[
        'redis_replication_backlog_bytes',
        'redis_cpu_sys_seconds_total',
        'redis_start_time_seconds',
      ],
    ]) {
      expect(theirs, name).toHaveProperty(name);
      expect(ours, name).toHaveProperty(name);
    }
  },
);

/** What a scrape of a server gives: the last value of each metric, whatever its labels. */
async function scraped(port: number): Promise<Record<string, string>> {
  const web = await freePort();
  const [file = '', ...words] = command!;
  const address = [
    `--redis.addr=redis://127.0.0.1:${port}`,
    `--web.listen-address=127.0.0.1:${web}`,
  ];
  const child = spawn(file, [...words, ...address], { stdio: 'ignore' });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  });
  const scrape = () => fetch(`http://127.0.0.1:${web}/metrics`).then((reply) => reply.text());
  let text = '';
  // It listens when it has started.
  await expect
    .poll(async () => (text = await scrape().catch(() => '')), { timeout: 10_000 })
    .toMatch(/./);
  const samples = [...text.matchAll(/^(redis_\w+)(?:\{.*\})? (\S+)$/gm)];
  return Object.fromEntries(samples.map(([, name, value]) => [name!, value!]));
}
