import type { ServerReply } from '@forebay/replica';
import { EXIT } from '../../exit.ts';
import type { Check } from '../check.ts';
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
    tries: 'REPLCONF listening-port and capa',
    needs: ['auth'],
    run: replconf,
  },
  { name: 'info', tries: 'INFO', needs: ['auth'], run: info },
  {
    name: 'psync right',
    tries: 'PSYNC, sent so that it is not carried out; the same with SYNC if there is no PSYNC',
    needs: ['auth'],
    run: psyncRight,
  },
  { name: 'settings', tries: 'CONFIG GET', needs: ['auth'], run: settings },
];

async function psyncRight(subject: Subject): Promise<readonly Finding[]> {
  const { user } = subject;
  const place = nextPlace(subject.info) ?? ['?', '-1'];
  const psync = await refusalOf(subject, 'PSYNC', ...place);
  if (psync === undefined) return [good('PSYNC is granted')];
  if (isDenial(psync)) {
    return [bad(EXIT.denied, `user ${user} may not PSYNC`, `ACL SETUSER ${user} +psync`)];
  }
  if (/^(NOMASTERLINK|LOADING|BUSY|MASTERDOWN)\b/.test(psync)) {
    return [bad(EXIT.unavailable, `it answers PSYNC with: ${psync}`)];
  }
  const sync = await refusalOf(subject, 'SYNC');
  const advice = 'remove `rename-command PSYNC` from the configuration of the primary';
  if (sync === undefined) {
    const message = `SYNC is allowed, but there is no PSYNC (${psync}): each lost link costs a full resync`;
    return [{ ...warning(message, advice), blocks: true }];
  }
  if (isDenial(sync)) {
    const message = `there is no PSYNC (${psync}), and user ${user} has no permission for SYNC`;
    return [bad(EXIT.denied, message, `ACL SETUSER ${user} +sync`)];
  }
  const message = `neither PSYNC nor SYNC is available: the server replies "${psync}" and "${sync}"`;
  return [
    bad(
      EXIT.configuration,
      message,
      `${advice}; some managed services do not allow external replicas`,
    ),
  ];
}

/**
 * The error reply to PSYNC or SYNC; undefined: the command is allowed. It is sent in one piece with a PING before it: a server
 * that grants it says that the reply to PING is still on its way (`replication.c: syncCommand`), and begins nothing.
 */
async function refusalOf(subject: Subject, ...words: string[]): Promise<string | undefined> {
  const connection = await subject.enter();
  try {
    const [, reply] = await connection.askTogether([['PING'], words]);
    if (reply?.kind === 'error') return /pending output/.test(reply.text) ? undefined : reply.text;
    if (reply?.kind !== 'text') return undefined;
    return /^(CONTINUE|FULLRESYNC)/.test(reply.text) ? undefined : reply.text;
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
  return [good('REPLCONF listening-port and capa are accepted')];
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
export function infoOf(reply: ServerReply): Map<string, string> {
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
