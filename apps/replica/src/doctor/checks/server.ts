import { formatBytes } from '../../reporter.ts';
import type { Check } from '../check.ts';
import type { Finding } from '../finding.ts';
import { good, warning } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** The newest that the tests run against, by who makes it; all from 6.0 on. */
const TESTED = { redis: [8, 0], redict: [7, 3], valkey: [9, 1] } as const;

/** What of the server itself a replica depends on. */
export const serverChecks: readonly Check[] = [
  { name: 'version', tries: 'whether forebay is tested with it', needs: ['info'], run: version },
  {
    name: 'snapshots',
    tries: 'whether its last one came about, and how it makes them',
    needs: ['info', 'settings'],
    run: snapshots,
  },
  { name: 'memory', tries: 'whether there is room to fork', needs: ['info'], run: memory },
  {
    name: 'min-replicas',
    tries: 'whether it counts on replicas',
    needs: ['settings'],
    run: minReplicas,
  },
  {
    name: 'protected mode',
    tries: 'whether connections from other machines may be refused',
    needs: ['settings'],
    run: protectedMode,
  },
];

async function version(subject: Subject): Promise<readonly Finding[]> {
  const { info } = subject;
  const forebay = info.get('forebay_version');
  if (forebay !== undefined) return [good(`forebay ${forebay}`)];
  const [kind, text] = identityOf(subject);
  const [major = 0, minor = 0] = text.split('.').map(Number);
  const [newestMajor, newestMinor] = TESTED[kind];
  if (major < 6) return [warning(`${kind} ${text}: forebay is tested from 6.0 on`)];
  if (major < newestMajor || (major === newestMajor && minor <= newestMinor))
    return [good(`${kind} ${text}`)];
  const newest = `${newestMajor}.${newestMinor}`;
  return [
    warning(
      `${kind} ${text}: forebay is tested up to ${newest}, and a newer server may send what it does not know`,
    ),
  ];
}

function identityOf(subject: Subject): ['redis' | 'redict' | 'valkey', string] {
  const { info } = subject;
  const valkey = info.get('valkey_version');
  if (valkey !== undefined) return ['valkey', valkey];
  const redict = info.get('redict_version');
  if (redict !== undefined) return ['redict', redict];
  return ['redis', subject.field('redis_version')];
}

async function snapshots(subject: Subject): Promise<readonly Finding[]> {
  const delay = Number(subject.setting('repl-diskless-sync-delay'));
  const wait = delay === 0 ? 'at once' : `${delay} s after it is asked for`;
  const diskless = subject.setting('repl-diskless-sync');
  const how =
    diskless === 'yes'
      ? `it sends a snapshot while it makes it, ${wait}`
      : 'it has a snapshot on its own disk before it sends it';
  const last = subject.field('rdb_last_bgsave_status');
  if (last === 'ok') return [good(how)];
  return [
    warning(
      'its last snapshot failed, and a full copy may too',
      'look into its log, and try BGSAVE',
    ),
  ];
}

/** Pages that are written during a copy are there twice. */
async function memory(subject: Subject): Promise<readonly Finding[]> {
  const used = subject.figure('used_memory');
  const total = Number(subject.info.get('total_system_memory') ?? 0);
  const most = Math.max(used, Number(subject.info.get('maxmemory') ?? 0));
  if (total === 0) return [good(`${formatBytes(used)} used`)];
  if (used * 2 <= total) return [good(`${formatBytes(used)} used of ${formatBytes(total)}`)];
  const message =
    `${formatBytes(used)} used of ${formatBytes(total)}: a full copy forks, and takes as much again where ` +
    'everything is written meanwhile';
  return [warning(message, `a machine with ${formatBytes(2 * most)}, or less in maxmemory`)];
}

async function minReplicas(subject: Subject): Promise<readonly Finding[]> {
  const least = Number(subject.setting('min-replicas-to-write'));
  if (least === 0) return [good('it writes without replicas too')];
  const message = `it writes only with ${least} replicas, and forebay, which acknowledges as one, counts among them`;
  return [warning(message, `CONFIG SET min-replicas-to-write ${least + 1}`)];
}

async function protectedMode(subject: Subject): Promise<readonly Finding[]> {
  if (subject.setting('protected-mode') !== 'yes') return [good('off')];
  // It looks at the password of that user alone (`networking.c: acceptCommonHandler`).
  if (subject.candidate.password !== undefined && subject.user === 'default') {
    return [good('on, without effect: the default user has a password')];
  }
  const untried = 'a connection from another machine';
  return [
    {
      ...good(
        'on: connections from other machines are refused while the default user has no password',
      ),
      untried,
    },
  ];
}
