import type { Client } from './client.ts';

/** Milliseconds that are waited for a client; see `LiveOptions`. `idleTimeout` 0: for ever. */
interface Patience {
  readonly timeout: number;
  readonly idleTimeout: number;
}

/**
 * Whether nothing was heard or seen of a client for longer than is waited. To be asked of each now and then:
 * what has gone to it is looked at here alone.
 */
export function isSilent(client: Client, now: number, { timeout, idleTimeout }: Patience): boolean {
  const sign = signOfLife(client);
  const progressed = client.lookAtProgress();
  if (sign === undefined) return false;
  const patience = sign === 'idle' ? idleTimeout || Infinity : timeout;
  const since = sign === 'progress' ? progressed : (client.owingSince ?? client.lastHeard);
  return since < now - patience;
}

/** What a client is to be heard or seen by, lest it be given up; undefined: nothing. */
function signOfLife(client: Client): 'words' | 'progress' | 'idle' | undefined {
  const { closed, busy, attachment, connection, subscriptions, owingSince } = client;
  // What was written last is still on its way.
  if (closed) return 'progress';
  if (attachment !== undefined) return attachment.signOfLife;
  // Who does not read its replies is asked for nothing more: what it has not read has to go.
  if (connection.needsDrain) return 'progress';
  if (busy) return undefined;
  if (owingSince !== undefined) return 'words';
  return subscriptions.count > 0 ? undefined : 'idle';
}
