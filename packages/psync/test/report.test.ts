import { describe, expect, it } from 'vitest';
import { BLANK_ID, parseReplicationReport } from '../src/index.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

function info(...lines: string[]): string {
  return ['# Replication', ...lines].map((line) => `${line}\r\n`).join('');
}

const BACKLOG = [
  'repl_backlog_active:1',
  'repl_backlog_size:1048576',
  'repl_backlog_first_byte_offset:101',
  'repl_backlog_histlen:400',
];

describe('INFO replication', () => {
  it('of a promoted Valkey 9.1 with replicas', () => {
    const text = info(
      ...['role:master', 'connected_slaves:2'],
      'slave0:ip=127.0.0.1,port=6380,state=online,offset=499,lag=0,type=replica',
      'slave1:ip=::1,port=0,state=wait_bgsave,offset=0,lag=0,type=rdb-channel',
      ...['replicas_waiting_psync:0', 'master_failover_state:no-failover'],
      ...[`master_replid:${A}`, `master_replid2:${B}`],
      ...['master_repl_offset:500', 'second_repl_offset:301', ...BACKLOG],
    );
    expect(parseReplicationReport(text)).toEqual({
      role: 'primary',
      id: A,
      secondId: B,
      secondIdLimit: 301,
      offset: 500,
      backlog: { active: true, firstByte: 101, length: 400 },
      loading: undefined,
      upstream: undefined,
      replicas: [
        { host: '127.0.0.1', port: 6380, state: 'online', offset: 499 },
        { host: '::1', port: 0, state: 'wait_bgsave', offset: 0 },
      ],
      runIds: [],
    });
  });

  it.each([
    [['redis_version:6.0.16'], { flavour: 'redis', version: '6.0.16', redisVersion: '6.0.16' }],
    [
      ['redict_version:7.3.6', 'redis_version:7.2.4'],
      { flavour: 'redict', version: '7.3.6', redisVersion: '7.2.4' },
    ],
    [
      ['redis_version:7.2.4', 'server_name:valkey', 'valkey_version:9.1.2'],
      { flavour: 'valkey', version: '9.1.2', redisVersion: '7.2.4' },
    ],
    [['redis_version:7.2.4\tx'], undefined],
  ])('names the server by its Server section: %j', (lines, server) => {
    expect(parseReplicationReport(info(...lines, 'role:master'))?.server).toEqual(server);
  });

  it('of a forebay names its run id and those of the forebays upstream', () => {
    const text = (ids: string) => info('role:slave', `forebay_run_ids:${ids}`);
    expect(parseReplicationReport(text(`${A},${B}`))?.runIds).toEqual([A, B]);
    expect(parseReplicationReport(text(`${A},nonsense,`))?.runIds).toEqual([A]);
  });

  it('of a primary that nobody has followed yet', () => {
    const text = info(
      ...['role:master', 'connected_slaves:0', `master_replid:${A}`, `master_replid2:${BLANK_ID}`],
      ...['master_repl_offset:0', 'second_repl_offset:-1', 'repl_backlog_active:0'],
      ...['repl_backlog_first_byte_offset:0', 'repl_backlog_histlen:0'],
    );
    expect(parseReplicationReport(text)).toMatchObject({
      secondId: BLANK_ID,
      secondIdLimit: -1,
      offset: 0,
      backlog: { active: false, firstByte: 0, length: 0 },
      replicas: [],
      runIds: [],
    });
  });

  it.each([
    ['up', true],
    ['down', false],
  ])('of a replica whose link is %s', (status, up) => {
    const text = info(
      ...['role:slave', 'master_host:fe80::1', 'master_port:6379', `master_link_status:${status}`],
      ...['slave_repl_offset:500', `master_replid:${A}`, 'master_repl_offset:500', ...BACKLOG],
    );
    expect(parseReplicationReport(text)).toMatchObject({
      role: 'replica',
      id: A,
      offset: 500,
      upstream: { host: 'fe80::1', port: 6379, up },
    });
  });

  it('of a server before 4.0 names no id', () => {
    const text = info(
      ...['role:master', 'connected_slaves:1'],
      'slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=1',
      ...['master_repl_offset:14', ...BACKLOG],
    );
    expect(parseReplicationReport(text)).toMatchObject({
      id: undefined,
      secondId: undefined,
      secondIdLimit: -1,
      offset: 14,
      replicas: [{ port: 6380, offset: 14 }],
    });
  });

  it.each([
    ['0', false],
    ['1', true],
  ])('that says loading:%s', (value, loading) => {
    expect(parseReplicationReport(info('role:master', `loading:${value}`))).toMatchObject({
      loading,
    });
  });

  it('that says what no report does has undefined in its place', () => {
    const text = info(
      ...['role:slave', 'master_host:', 'slave0:127.0.0.1,6380,online', 'slave1:ip=h,port=x'],
      ...['master_replid:short', 'master_repl_offset:9223372036854775807', 'no colon', ':'],
    );
    expect(parseReplicationReport(text)).toMatchObject({
      id: undefined,
      offset: undefined,
      upstream: undefined,
      replicas: [],
      runIds: [],
    });
  });

  it.each(['', 'role:sentinel\r\n', 'junk', info()])('is not %j', (text) => {
    expect(parseReplicationReport(text)).toBeUndefined();
  });
});
