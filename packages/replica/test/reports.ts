import type { ScriptedPeer } from '@forebay/conformance';
import { BLANK_ID } from '@forebay/psync';
import { ID } from './payloads.ts';

interface Told {
  readonly role?: 'master' | 'slave';
  readonly id?: string;
  readonly offset?: number;
}

/** `INFO replication` of a server whose backlog has everything. */
export function infoOf({ role = 'master', id = ID, offset = 5000 }: Told = {}): string {
  const lines = [
    ...['# Replication', `role:${role}`, `master_replid:${id}`, `master_replid2:${BLANK_ID}`],
    ...[`master_repl_offset:${offset}`, 'second_repl_offset:-1', 'repl_backlog_active:1'],
    ...['repl_backlog_first_byte_offset:1', `repl_backlog_histlen:${offset}`],
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Answers as a primary would up to INFO, and that with `info`, or with an error where it is one. */
export async function answerInfo(peer: ScriptedPeer, info: string): Promise<void> {
  for (;;) {
    const [name] = await peer.command();
    if (name === 'INFO') {
      await peer.send(info.startsWith('-') ? info : `$${info.length}\r\n${info}\r\n`);
      return;
    }
    await peer.send(name === 'PING' ? '+PONG\r\n' : '+OK\r\n');
  }
}
