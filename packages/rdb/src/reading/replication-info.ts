/** The place in a replication stream at which an RDB was made, as far as it says. */
export interface ReplicationInfo {
  /** The 40 hex digits of `repl-id`. */
  readonly replicationId?: string;
  /** `repl-offset`, 0 to 2^53 - 1: the last byte of the stream that the RDB holds the effect of. */
  readonly offset?: number;
  /** `repl-stream-db`, 0 to 2^53 - 1: the database that is selected where the stream goes on. */
  readonly streamDatabase?: number;
}

/**
 * Reads the aux fields that servers write when they have a backlog or a primary (since 4.0; `rdb.c:
 * rdbSaveInfoAuxFields`). What is not there is left out, and so is a value that means nothing, such
 * as the -1 of a `repl-stream-db` that is not known.
 */
export function replicationInfo(aux: ReadonlyMap<string, string>): ReplicationInfo {
  const replicationId = aux.get('repl-id');
  const offset = naturalNumber(aux.get('repl-offset'));
  const streamDatabase = naturalNumber(aux.get('repl-stream-db'));
  return {
    ...(replicationId !== undefined && /^[0-9a-f]{40}$/i.test(replicationId) && { replicationId }),
    ...(offset !== undefined && { offset }),
    ...(streamDatabase !== undefined && { streamDatabase }),
  };
}

function naturalNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
