import { BLANK_ID, isReplicationId } from '../history.ts';

/** What `+FULLRESYNC` names; a malformed one names nothing (`slaveTryPartialResynchronization`). */
export function parseFullResync(reply: string): { id: string; offset: number | undefined } {
  const [, id = '', offset = ''] = reply.split(' ');
  const parsed = /^\d+$/.test(offset) ? Number(offset) : Number.NaN;
  if (!isReplicationId(id) || !Number.isSafeInteger(parsed)) {
    return { id: BLANK_ID, offset: undefined };
  }
  return { id, offset: parsed };
}

/** An id of another length is passed over, as the servers do: the id asked for stays. */
export function parseContinue(reply: string): string | undefined {
  const id = reply.slice('+CONTINUE'.length).trim();
  return isReplicationId(id) ? id : undefined;
}

/** Bytes of the body that a bulk's header announces; undefined where it is no number up to `most`. */
export function parseBulkHeader(reply: string, most: number): number | undefined {
  const length = /^\$\d+$/.test(reply) ? Number(reply.slice(1)) : Number.NaN;
  return length <= most ? length : undefined;
}
