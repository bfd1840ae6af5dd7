import type { Caller, Reply } from '@forebay/primary';
import { error, OK } from '@forebay/primary';
import type { Candidate } from '../config/candidate.ts';

/** Whom the daemon follows, for who may change that. */
export interface Following {
  readonly upstream: { readonly host: string; readonly port: number };
  readonly attached: boolean;
  /** The reason if a server replicates from this process and cannot be followed. It never rejects. */
  loopAt(host: string, port: number): Promise<string | undefined>;
  retarget(host: string, port: number): Candidate;
  detach(): void;
}

/** Takes note of whom we were told to follow, for CONFIG REWRITE. */
type Note = (candidate: Candidate) => void;

const NOT_BY_SENTINEL = error(
  'ERR forebay keeps a replication stream and holds no data to serve: it cannot be promoted. Leave its ' +
    'replica-priority at 0, and a Sentinel does not choose it.',
);

/** `REPLICAOF host port`, and `NO ONE`, which lets go of the primary: it is a replica all the same. */
export async function replicaof(
  following: Following,
  note: Note,
  { name }: Caller,
  [host = '', port = '']: readonly string[],
): Promise<Reply> {
  if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') {
    if (name.startsWith('sentinel-')) return NOT_BY_SENTINEL;
    following.detach();
    return OK;
  }
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number < 1 || number > 65_535) {
    return error('ERR Invalid master port');
  }
  if (!/^[\w.:%-]{1,255}$/.test(host)) return error('ERR Invalid master host');
  const { upstream, attached } = following;
  const isSame = upstream.host === host && upstream.port === number;
  if (isSame && attached) return { type: 'simple', text: ALREADY };
  const loop = await following.loopAt(host, number);
  if (loop !== undefined) return error(`ERR cannot follow ${host}:${port}: ${loop}`);
  note(following.retarget(host, number));
  return OK;
}

const ALREADY = 'OK Already connected to specified master';
