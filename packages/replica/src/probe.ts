import type { ReplicationReport } from '@forebay/psync';
import { parseReplicationReport } from '@forebay/psync';
import type { RequestOptions } from './request-client.ts';
import { RequestClient } from './request-client.ts';

/** Which server to ask, and how; `timeout` is for the whole answer. */
export interface ProbeOptions extends Omit<RequestOptions, 'total'> {}

/**
 * Asks a server what it says of its replication (`INFO`), over a connection of its own,
 * and asks for nothing else. Undefined where that is not granted.
 *
 * @throws {ReplicaError} as a rejection: what keeps a link from standing
 */
export async function probe(options: ProbeOptions): Promise<ReplicationReport | undefined> {
  const client = await RequestClient.open({ ...options, total: true });
  try {
    client.accept('ping', await client.ask('PING'));
    const authenticated = await client.authenticate();
    if (authenticated !== undefined) client.accept('auth', authenticated);
    const reply = await client.ask('INFO');
    client.accept('info', reply);
    return reply.kind === 'text' ? parseReplicationReport(reply.text) : undefined;
  } finally {
    client.close();
  }
}
