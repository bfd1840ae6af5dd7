import type { Client } from './client.ts';

/** Milliseconds; `idleTimeout` 0: none. */
interface TimeOuts {
  readonly timeout: number;
  readonly idleTimeout: number;
}

/** Whether a client has been silent for too long. To be called regularly: progress is observed by these calls. */
export function isSilent(client: Client, now: number, { timeout, idleTimeout }: TimeOuts): boolean {
  const sign = signOfLife(client);
  const progressed = client.lookAtProgress();
  if (sign === undefined) return false;
  const limit = sign === 'idle' ? idleTimeout || Infinity : timeout;
  const since = sign === 'progress' ? progressed : (client.owingSince ?? client.lastHeard);
  return since < now - limit;
}

/** What a client must show so that it is not disconnected; undefined: nothing. */
function signOfLife(client: Client): 'words' | 'progress' | 'idle' | undefined {
  const { isUpgraded, closed, busy, connection, subscriptions, owingSince } = client;
  if (isUpgraded) return undefined;
  // What was written last is still on its way.
  if (closed) return 'progress';
  // A client that does not read its replies is sent no more of them; those that were sent have to go.
  if (connection.needsDrain) return 'progress';
  if (busy) return undefined;
  if (owingSince !== undefined) return 'words';
  return subscriptions.count > 0 ? undefined : 'idle';
}
