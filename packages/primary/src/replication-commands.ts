import type { Client, Command, Commands, Reply } from '@forebay/resp-server';
import { error, integer, MANY, NOT_A_NUMBER } from '@forebay/resp-server';
import type { Replicas } from './replicas/replicas.ts';
import type { Source } from './source.ts';

const INTEGER = /^-?\d{1,15}$/;
const NO_WAITING_HERE = error(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica ' +
    'is configured to be writable (which is not the default) writes to replicas are just local and are ' +
    'not propagated.',
);

/** `REPLCONF`, `PSYNC`, `SYNC` and `WAIT`. */
export function replicationCommands(replicas: Replicas, source: Source): Commands {
  const taken = (name: string): Pick<Command, 'inTransaction' | 'run'> => ({
    inTransaction: 'never',
    run: (client, words) => replicas.sessionOf(client).command(name, words),
  });
  return [
    [
      'replconf',
      {
        least: 1,
        most: MANY,
        summary: 'Sets options of a replica, or acknowledges an offset.',
        ...taken('replconf'),
      },
    ],
    [
      'psync',
      {
        least: 3,
        most: MANY,
        summary: 'Starts replication, from an offset if it is held.',
        ...taken('psync'),
      },
    ],
    [
      'sync',
      { least: 1, most: 1, summary: 'Starts replication with a full resync.', ...taken('sync') },
    ],
    [
      'wait',
      {
        least: 3,
        most: 3,
        summary: 'Waits for acknowledgements of replicas.',
        run: (client, words) => wait(replicas, source, client, words),
      },
    ],
  ];
}

async function wait(
  replicas: Replicas,
  source: Source,
  client: Client,
  [count = '', timeout = '']: readonly string[],
): Promise<Reply> {
  if (source.upstream !== undefined) return NO_WAITING_HERE;
  if (!INTEGER.test(count)) return NOT_A_NUMBER;
  if (!INTEGER.test(timeout)) return error('ERR timeout is not an integer or out of range');
  if (Number(timeout) < 0) return error('ERR timeout is negative');
  return integer(await replicas.wait(Number(count), Number(timeout), client));
}
