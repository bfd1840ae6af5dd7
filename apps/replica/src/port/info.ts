import { arch, platform, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { replicaLine } from '@forebay/primary';
import type { ReportedServer } from '@forebay/psync';
import { BLANK_ID } from '@forebay/psync';
import type { Configuration } from '../config/configuration.ts';
import type { Status } from '../status/status.ts';
import { answeredAs } from './identity.ts';
import { linkWord } from './role.ts';
import type { Stats, Told } from './stats.ts';
import { usedMemory } from './stats.ts';

type Field = readonly [name: string, value: string | number];

/** `told` adds up what is counted, when the first section asks for it. */
type Section = (status: Status, configuration: Configuration, told: () => Told) => readonly Field[];

const SECTIONS: Readonly<Record<string, Section>> = {
  Server: server,
  Clients: clients,
  Memory: memory,
  Persistence: persistence,
  Stats: statistics,
  Replication: replication,
  CPU: cpu,
  Errorstats: errorStats,
  Cluster: () => [['cluster_enabled', 0]],
  Keyspace: () => [],
};
const EVERYTHING = new Set(['all', 'default', 'everything']);

/** `INFO`, in the servers' sections, names and order (`server.c: genRedisInfoString`); some or all. */
export function infoOf(
  status: Status,
  configuration: Configuration,
  stats: Stats,
  names: readonly string[] = [],
): string {
  const asked = names.map((name) => name.toLowerCase());
  const isWhole = asked.length === 0 || asked.some((name) => EVERYTHING.has(name));
  let counted: Told | undefined;
  const told = (): Told => {
    counted ??= stats.of(status);
    return counted;
  };
  return Object.entries(SECTIONS)
    .filter(([name]) => isWhole || asked.includes(name.toLowerCase()))
    .map(([name, section]) => {
      const lines = section(status, configuration, told).map(
        ([field, value]) => `${field}:${value}\r\n`,
      );
      return `# ${name}\r\n${lines.join('')}`;
    })
    .join('\r\n');
}

function server(
  { version, primary, runId, port, uptime, now }: Status,
  { path }: Configuration,
): Field[] {
  return [
    ...versionsOf(answeredAs(primary)),
    ['redis_mode', 'standalone'],
    ['server_mode', 'standalone'],
    ['os', `${platform()} ${release()} ${arch()}`],
    ['arch_bits', 64],
    ['process_id', process.pid],
    ['run_id', runId],
    ['tcp_port', port],
    ['server_time_usec', now * 1000],
    ['uptime_in_seconds', seconds(uptime)],
    ['uptime_in_days', Math.floor(uptime / 86_400_000)],
    ['executable', process.execPath],
    ['config_file', path === undefined ? '' : resolve(path)],
    ['forebay_version', version],
  ];
}

/** As a replica of the primary's version names itself. */
function versionsOf({ flavour, version, redisVersion }: ReportedServer): Field[] {
  const redis: Field = ['redis_version', redisVersion];
  if (flavour === 'redis') return [redis];
  if (flavour === 'redict') return [['redict_version', version], redis];
  return [redis, ['server_name', 'valkey'], ['valkey_version', version]];
}

function clients({ clients: { clients: connected, most } }: Status): Field[] {
  return [
    ['connected_clients', connected],
    ['maxclients', most],
    ['blocked_clients', 0],
  ];
}

function memory({ memory }: Status, _: Configuration, told: () => Told): Field[] {
  const { rss } = memory;
  const { memoryPeak: peak } = told();
  const used = usedMemory(memory);
  return [
    ['used_memory', used],
    ['used_memory_human', human(used)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', human(rss)],
    ['used_memory_peak', peak],
    ['used_memory_peak_human', human(peak)],
    ['used_memory_peak_perc', `${((100 * used) / peak).toFixed(2)}%`],
    ['total_system_memory', totalmem()],
    ['total_system_memory_human', human(totalmem())],
    ['maxmemory', 0],
    ['maxmemory_policy', 'noeviction'],
    ['mem_fragmentation_ratio', (rss / used).toFixed(2)],
  ];
}

/** The log is what a server's append-only file is; a base is what BGSAVE makes there. */
function persistence({ log, link, paused }: Status): Field[] {
  const { base, written = 0, lowest = written, fetchingBase = false, baseFailed } = log ?? {};
  const isLoading = log?.history === undefined && link.transfer !== undefined;
  return [
    ['loading', Number(isLoading)],
    ['async_loading', 0],
    ['rdb_changes_since_last_save', base === undefined ? 0 : written - base.offset],
    ['rdb_bgsave_in_progress', Number(fetchingBase)],
    ['rdb_last_save_time', seconds(base?.time ?? 0)],
    ['rdb_last_bgsave_status', baseFailed ? 'err' : 'ok'],
    ['aof_enabled', 1],
    ['aof_rewrite_in_progress', 0],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_last_write_status', log === undefined || paused !== undefined ? 'err' : 'ok'],
    ['aof_current_size', (base?.size ?? 0) + written - lowest],
    ['aof_base_size', base?.size ?? 0],
  ];
}

function statistics(_status: Status, _configuration: Configuration, told: () => Told): Field[] {
  const { counts, rates, errors } = told();
  return [
    ['total_connections_received', counts.connections],
    ['total_commands_processed', counts.commands],
    ['instantaneous_ops_per_sec', Math.round(rates.commands)],
    ['total_net_input_bytes', counts.input],
    ['total_net_output_bytes', counts.output],
    ['total_net_repl_input_bytes', counts.primaryInput],
    ['total_net_repl_output_bytes', counts.replicaOutput],
    ['instantaneous_input_kbps', kilobytes(rates.input)],
    ['instantaneous_output_kbps', kilobytes(rates.output)],
    ['instantaneous_input_repl_kbps', kilobytes(rates.primaryInput)],
    ['instantaneous_output_repl_kbps', kilobytes(rates.replicaOutput)],
    ['rejected_connections', counts.refused],
    ['sync_full', counts.fullResyncs],
    ['sync_partial_ok', counts.partialResyncs],
    ['sync_partial_err', 0],
    // No keys are here to be read or let go; tools that reckon with these find no gap.
    ['expired_keys', 0],
    ['evicted_keys', 0],
    ['keyspace_hits', 0],
    ['keyspace_misses', 0],
    ['total_error_replies', [...errors.values()].reduce((sum, count) => sum + count, 0)],
  ];
}

function errorStats(_status: Status, _configuration: Configuration, told: () => Told): Field[] {
  return [...told().errors].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function replication(status: Status, { config }: Configuration): Field[] {
  const { priority, announced } = config.sentinel;
  const { upstream, link, log, replicas, backlogSize, now, runIds } = status;
  const { written = 0, history, lowest } = log ?? {};
  const { id = BLANK_ID, secondId = BLANK_ID, secondIdLimit = -1 } = history ?? {};
  return [
    ['role', 'slave'],
    ['master_host', upstream.host],
    ['master_port', upstream.port],
    ['master_link_status', linkWord(link.state) === 'connected' ? 'up' : 'down'],
    ['master_last_io_seconds_ago', link.downSince === undefined ? ago(link.lastIo, now) : -1],
    ['master_sync_in_progress', Number(link.transfer !== undefined)],
    ['slave_read_repl_offset', written],
    ['slave_repl_offset', written],
    ...transferFields(status),
    ...(link.downSince === undefined
      ? []
      : ([['master_link_down_since_seconds', ago(link.downSince, now)]] as const)),
    ['slave_priority', priority],
    ['slave_read_only', 1],
    ['replica_announced', Number(announced)],
    ['connected_slaves', replicas.length],
    ...replicas.map((replica, i): Field => [`slave${i}`, replicaLine(replica)]),
    ['master_failover_state', 'no-failover'],
    ['master_replid', id],
    ['master_replid2', secondId],
    ['master_repl_offset', written],
    ['second_repl_offset', secondIdLimit],
    ['repl_backlog_active', history === undefined ? 0 : 1],
    ['repl_backlog_size', backlogSize],
    // What can be gone on from: it reaches back far beyond what is in memory.
    ['repl_backlog_first_byte_offset', lowest === undefined ? 0 : lowest + 1],
    ['repl_backlog_histlen', lowest === undefined ? 0 : written - lowest],
    // By these a forebay finds that a server it is to follow follows it.
    ['forebay_run_ids', runIds.join(',')],
  ];
}

function transferFields({ link: { transfer, lastIo }, now }: Status): Field[] {
  if (transfer === undefined) return [];
  const { total = 0, read } = transfer;
  const left = Math.max(0, total - read);
  return [
    ['master_sync_total_bytes', total],
    ['master_sync_read_bytes', read],
    ['master_sync_left_bytes', left],
    ['master_sync_perc', (total === 0 ? 0 : (100 * read) / total).toFixed(2)],
    ['master_sync_last_io_seconds_ago', ago(lastIo, now)],
  ];
}

function cpu({ cpu: { user, system } }: Status): Field[] {
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
  ];
}

function kilobytes(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}

/** `util.c: bytesToHuman`. */
function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return power === 0 ? `${bytes}B` : `${(bytes / 1024 ** power).toFixed(2)}${units[power]}`;
}

function ago(time: number | undefined, now: number): number {
  return time === undefined ? -1 : Math.max(0, seconds(now - time));
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
