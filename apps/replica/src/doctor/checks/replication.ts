import { EXIT } from '../../exit.ts';
import type { Check } from '../check.ts';
import type { Finding } from '../finding.ts';
import { bad, good, untried, warning } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { infoOf, nextPlace } from './rights.ts';

/** Whom we would follow, and whether it lets us go on where we are. */
export const replicationChecks: readonly Check[] = [
  {
    name: 'role',
    tries: 'whether it is a primary, or whom it follows',
    needs: ['info'],
    run: role,
  },
  {
    name: 'psync',
    tries:
      'a partial resync from where it is now, which costs it nothing; with --full a full one, if need be',
    needs: ['psync right', 'role'],
    run: psync,
  },
];

async function role(subject: Subject): Promise<readonly Finding[]> {
  const { info } = subject;
  const findings: Finding[] = [];
  if (info.get('cluster_enabled') === '1') {
    findings.push(
      warning('it is a node of a cluster: its slots alone come, one forebay for each is needed'),
    );
  }
  if (subject.field('role') !== 'slave') {
    return [good(`it is a primary; replicas: ${info.get('connected_slaves') ?? 0}`), ...findings];
  }
  const [host = '', port = ''] = [info.get('master_host'), info.get('master_port')];
  const above = `${host}:${port}`;
  if (info.get('master_link_status') !== 'up') {
    const message = `it is a replica of ${above}, without a link to it: it serves no replicas until it has one`;
    return [bad(EXIT.unavailable, message, `follow ${host} ${port} itself`), ...findings];
  }
  const message = `it is a replica of ${above}: what is not yet there comes later, and not at all while that link is down`;
  return [warning(message, `--replicaof ${host} ${port} follows the primary itself`), ...findings];
}

/**
 * Asks for the byte after the last one. That is always there to go on from (`replication.c:
 * masterTryPartialResynchronization`), but for a primary that has no backlog, as no replica ever came, or long
 * ago: to ask it is to have it fork.
 */
async function psync(subject: Subject): Promise<readonly Finding[]> {
  const connection = await subject.enter();
  try {
    await connection.ask('REPLCONF', 'capa', 'eof', 'capa', 'psync2');
    const next = nextPlace(infoOf(await connection.ask('INFO', 'replication')));
    if (next === undefined && !subject.options.full) {
      const message =
        'not tried: it has no replication backlog, as no replica is attached, and PSYNC would have it fork';
      return [{ ...untried(message, '--full tries it all the same') }];
    }
    const reply = await connection.askForStream('PSYNC', ...(next ?? ['?', '-1']));
    if (reply.kind === 'newline') {
      return [good('it makes a snapshot for us; the link was cut before it came')];
    }
    if (reply.kind === 'error') {
      return [bad(EXIT.unavailable, `it answers PSYNC with: ${reply.text}`)];
    }
    const text = reply.kind === 'text' ? reply.text : '';
    if (text.startsWith('CONTINUE'))
      return [
        {
          ...good(`partial resync: continues at ${next?.join(':')}`),
          untried: 'a full resync',
        },
      ];
    if (!text.startsWith('FULLRESYNC'))
      return [bad(EXIT.runtime, `it answers PSYNC with: ${text}`)];
    if (next === undefined) return [good('it begins a full copy; the link was cut before it came')];
    const message =
      'it begins a full copy in place of going on: its backlog holds less than it writes in a moment';
    return [warning(message, 'see backlog')];
  } finally {
    connection.close();
  }
}
