import { EXIT } from '../../exit.ts';
import type { Check } from '../check.ts';
import type { Reply } from '../connection.ts';
import type { Finding } from '../finding.ts';
import { bad, good, untried, warning } from '../finding.ts';
import type { Info, Subject } from '../subject.ts';

/** Settings of the server that others ask for. */
const SETTINGS = [
  'client-output-buffer-limit',
  'repl-timeout',
  'repl-ping-replica-period',
  'repl-diskless-sync',
  'repl-diskless-sync-delay',
  'min-replicas-to-write',
  'maxmemory',
  'protected-mode',
];

/**
 * What our user may do. It is tried, not asked: who may not ask about rights (`ACL`) has them all the same,
 * and a command that was renamed is granted to everybody.
 */
export const rightsChecks: readonly Check[] = [
  {
    name: 'replconf',
    tries: 'REPLCONF, with all that we tell of ourselves',
    needs: ['auth'],
    run: replconf,
  },
  { name: 'info', tries: 'INFO', needs: ['auth'], run: info },
  {
    name: 'psync right',
    tries: 'the right to PSYNC, where it cannot be carried out',
    needs: ['auth'],
    run: psyncRight,
  },
  { name: 'settings', tries: 'CONFIG GET', needs: ['auth'], run: settings },
];

/**
 * PSYNC in one piece with a PING before it: who has the right is told that the answer to that is still on its
 * way (`replication.c: syncCommand`), and nothing is begun. One that does not mind that (it is no Redis or Valkey)
 * is asked for no more than the next byte, where it has any.
 */
async function psyncRight(subject: Subject): Promise<readonly Finding[]> {
  const connection = await subject.enter();
  try {
    const place = nextPlace(subject.info) ?? ['?', '-1'];
    const [, reply] = await connection.askTogether([['PING'], ['PSYNC', ...place]]);
    if (reply?.kind !== 'error') return [good('PSYNC is granted')];
    const { text } = reply;
    if (isDenial(text)) {
      const advice = `ACL SETUSER ${subject.user} +psync`;
      return [bad(EXIT.denied, `user ${subject.user} may not PSYNC`, advice)];
    }
    if (/pending output/.test(text)) return [good('PSYNC is granted')];
    if (/^ERR unknown command/.test(text)) {
      return [
        {
          ...warning(
            'there is no PSYNC: each cut of the link costs a full copy',
            'take `rename-command PSYNC` out of its configuration',
          ),
          blocks: true,
        },
      ];
    }
    return [bad(EXIT.unavailable, `it answers PSYNC with: ${text}`)];
  } finally {
    connection.close();
  }
}

async function replconf({ connection, user }: Subject): Promise<readonly Finding[]> {
  const options = [
    ['listening-port', '6380'],
    ['capa', 'eof', 'capa', 'psync2'],
  ];
  for (const [name = '', ...rest] of options) {
    const reply = await connection.ask('REPLCONF', name, ...rest);
    if (reply.kind !== 'error') continue;
    if (!isDenial(reply.text)) return [warning(`it does not take REPLCONF ${name}: ${reply.text}`)];
    return [
      warning(
        'REPLCONF is not granted: the primary does not know our port, and sends no snapshot without its disk',
        `ACL SETUSER ${user} +replconf`,
      ),
    ];
  }
  return [good('REPLCONF is granted, and takes what we tell')];
}

async function info(subject: Subject): Promise<readonly Finding[]> {
  const { connection, user } = subject;
  const reply = await connection.ask('INFO');
  if (reply.kind === 'text') {
    subject.info = infoOf(reply);
    return [good('INFO is granted')];
  }
  const what = reply.kind === 'error' && isDenial(reply.text) ? 'is not granted' : 'is not there';
  const message = `INFO ${what}: a full copy is taken where a step back would do`;
  return [{ ...warning(message, `ACL SETUSER ${user} +info`), blocks: true }];
}

async function settings(subject: Subject): Promise<readonly Finding[]> {
  const { connection, user } = subject;
  const found = new Map<string, string>();
  for (const name of SETTINGS) {
    const reply = await connection.ask('CONFIG', 'GET', name);
    if (reply.kind === 'error' && isDenial(reply.text)) {
      const message = `its settings cannot be asked for: user ${user} may not`;
      const advice = `for as long as forebay doctor runs: ACL SETUSER ${user} +config|get`;
      return [untried(message, advice)];
    }
    if (reply.kind === 'error') {
      const advice = `look at them where the server is run: ${SETTINGS.slice(0, 4).join(', ')}`;
      return [untried(`its settings cannot be asked for: ${reply.text}`, advice)];
    }
    if (reply.kind === 'list' && reply.items.length >= 2) found.set(name, reply.items[1]!);
  }
  subject.settings = found;
  return [good('CONFIG GET is granted')];
}

/** What a server says of itself, by name. */
export function infoOf(reply: Reply): Map<string, string> {
  const fields = new Map<string, string>();
  if (reply.kind !== 'text') return fields;
  for (const [, name = '', value = ''] of reply.text.matchAll(/^([^:#\r\n]+):([^\r\n]*)/gm)) {
    fields.set(name, value);
  }
  return fields;
}

/** What to ask PSYNC for to be sent what comes next; undefined where there is no backlog that it could be in. */
export function nextPlace(info: Info): [id: string, offset: string] | undefined {
  const [id, offset] = [info.get('master_replid'), info.get('master_repl_offset')];
  if (info.get('repl_backlog_active') !== '1' || id === undefined) return undefined;
  return [id, String(Number(offset) + 1)];
}

function isDenial(text: string): boolean {
  return /^(NOPERM\b|ERR operation not permitted)/.test(text);
}
