import type { Client } from './client.ts';

/** Milliseconds; `idleTimeout` 0: none. */
interface TimeOuts {
  readonly timeout: number;
  readonly idleTimeout: number;
}

/** Whether a client has been silent for too long. Call it regularly: it also measures progress. */
export function isSilent(client: Client, now: number, { timeout, idleTimeout }: TimeOuts): boolean {
  const sign = signOfLife(client);
  const progressed = client.lookAtProgress();
  if (sign === undefined) return false;
  const limit = sign === 'idle' ? idleTimeout || Infinity : timeout;
  const since = sign === 'progress' ? progressed : (client.owingSince ?? client.lastHeard);
  return since < now - limit;
}

/** Which activity a client must show so that it is not disconnected; undefined: none. */
function signOfLife(client: Client): 'input' | 'progress' | 'idle' | undefined {
  const { isUpgraded, closed, busy, connection, subscriptions, owingSince } = client;
  if (isUpgraded) return undefined;
  // What was written last is still on its way.
  if (closed) return 'progress';
  // A client that does not read its replies is sent no more of them; it must read those that were sent.
  if (connection.needsDrain) return 'progress';
  if (busy) return undefined;
  if (owingSince !== undefined) return 'input';
  return subscriptions.count > 0 ? undefined : 'idle';
}
