import { isReplicationId } from './history.ts';

/** What a server reports about itself and its replication: `INFO` (`server.c: genRedisInfoString`). */
export interface ReplicationReport {
  readonly role: 'primary' | 'replica';
  /** The id it serves under (`master_replid`); undefined before 4.0. */
  readonly id: string | undefined;
  /** The id before the last shift, `BLANK_ID` where there was none; undefined before 4.0. */
  readonly secondId: string | undefined;
  /** The highest offset that may be asked for under `secondId`; -1 without one. */
  readonly secondIdLimit: number;
  /** Offset of the last byte of its stream (`master_repl_offset`), of a replica's own one too. */
  readonly offset: number | undefined;
  readonly backlog: ReportedBacklog;
  /** Whether it still reads its data set; undefined where it does not say. */
  readonly loading: boolean | undefined;
  /** Whom it follows; undefined of a primary. */
  readonly upstream: ReportedUpstream | undefined;
  readonly replicas: readonly ReportedReplica[];
  /** Clients that it has disconnected at their output buffer limit since its start (7.2 and later). */
  readonly outputBufferCuts?: number | undefined;
  /**
   * Run ids of the forebays from this server up to the primary, its own first (`forebay_run_ids`); empty of
   * another server.
   */
  readonly runIds: readonly string[];
  /** Which server it is; undefined where the text has no `Server` section. */
  readonly server?: ReportedServer | undefined;
}

export interface ReportedServer {
  readonly flavour: 'redis' | 'redict' | 'valkey';
  /** Its own: `9.1.2`. */
  readonly version: string;
  /** The version of Redis that it is compatible with (`redis_version`). */
  readonly redisVersion: string;
}

/** The part of the stream that partial resyncs are served from; of no length where there is none. */
export interface ReportedBacklog {
  readonly active: boolean;
  /** Offset of its first byte. */
  readonly firstByte: number;
  /** Bytes in it. */
  readonly length: number;
}

export interface ReportedUpstream {
  readonly host: string;
  readonly port: number;
  /** Whether the link to it stands. */
  readonly up: boolean;
}

export interface ReportedReplica {
  readonly host: string;
  /** As it was told to the server; 0 where nothing listens. */
  readonly port: number;
  /** In the server's words: `wait_bgsave`, `send_bulk`, `online`, … */
  readonly state: string;
  /** What it has acknowledged. */
  readonly offset: number;
}

/**
 * Reads the text of `INFO`, or of its `Replication` section, of any version since 2.8. Fields that are absent, or that no
 * safe integer can hold, are undefined; fields that are not known are passed over.
 *
 * @returns undefined where the text names no role: it is no such report
 */
export function parseReplicationReport(text: string): ReplicationReport | undefined {
  const fields = fieldsOf(text);
  const role = fields.get('role');
  if (role !== 'master' && role !== 'slave') return undefined;
  const loading = fields.get('loading');
  return {
    role: role === 'master' ? 'primary' : 'replica',
    id: idOf(fields.get('master_replid')),
    secondId: idOf(fields.get('master_replid2')),
    secondIdLimit: numberOf(fields.get('second_repl_offset')) ?? -1,
    offset: numberOf(fields.get('master_repl_offset')),
    backlog: {
      active: fields.get('repl_backlog_active') === '1',
      firstByte: numberOf(fields.get('repl_backlog_first_byte_offset')) ?? 0,
      length: numberOf(fields.get('repl_backlog_histlen')) ?? 0,
    },
    loading: loading === undefined ? undefined : loading !== '0',
    upstream: role === 'slave' ? upstreamOf(fields) : undefined,
    replicas: replicasOf(fields),
    outputBufferCuts: numberOf(fields.get('client_output_buffer_limit_disconnections')),
    runIds: (fields.get('forebay_run_ids') ?? '').split(',').filter((id) => isReplicationId(id)),
    server: serverOf(fields),
  };
}

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    // An address may have colons of its own.
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function serverOf(fields: ReadonlyMap<string, string>): ReportedServer | undefined {
  const redisVersion = versionOf(fields.get('redis_version'));
  if (redisVersion === undefined) return undefined;
  const valkey = versionOf(fields.get('valkey_version'));
  if (valkey !== undefined) return { flavour: 'valkey', version: valkey, redisVersion };
  const redict = versionOf(fields.get('redict_version'));
  if (redict !== undefined) return { flavour: 'redict', version: redict, redisVersion };
  return { flavour: 'redis', version: redisVersion, redisVersion };
}

/** It is passed on to clients. */
function versionOf(value: string | undefined): string | undefined {
  return value !== undefined && /^\d[\w.+-]{0,31}$/.test(value) ? value : undefined;
}

function upstreamOf(fields: ReadonlyMap<string, string>): ReportedUpstream | undefined {
  const host = fields.get('master_host');
  const port = numberOf(fields.get('master_port'));
  if (host === undefined || port === undefined) return undefined;
  return { host, port, up: fields.get('master_link_status') === 'up' };
}

function replicasOf(fields: ReadonlyMap<string, string>): ReportedReplica[] {
  const replicas: ReportedReplica[] = [];
  for (const [name, value] of fields) {
    if (!/^slave\d+$/.test(name)) continue;
    const told = new Map(value.split(',').map((pair) => pairOf(pair)));
    const host = told.get('ip');
    const port = numberOf(told.get('port'));
    if (host === undefined || port === undefined) continue;
    const offset = numberOf(told.get('offset')) ?? 0;
    replicas.push({ host, port, state: told.get('state') ?? '', offset });
  }
  return replicas;
}

function pairOf(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

function idOf(value: string | undefined): string | undefined {
  return value !== undefined && isReplicationId(value) ? value : undefined;
}

function numberOf(value: string | undefined): number | undefined {
  if (value === undefined || !/^-?\d+$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}
