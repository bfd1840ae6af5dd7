import type { Channels } from '../channels.ts';
import type { Client } from '../client.ts';
import type { ServedReplicas } from '../served-replicas.ts';

/** What clients are told that ask which server this is. */
export interface Identity {
  /** `redis` or `valkey`: what clients know. */
  readonly server: string;
  /** The version of it whose ways are kept to. */
  readonly version: string;
}

/** What is asked of who serves, by commands. */
export interface CommandHost {
  readonly replicas: ServedReplicas;
  readonly clients: Iterable<Client>;
  readonly channels: Channels;
  readonly identity: Identity;
  /** Whether a name and a password are right; undefined: none is asked for. */
  readonly authenticate: ((user: string, password: string) => boolean) | undefined;
  /** Ends the link to the server that is followed; false: there is none. */
  cutUpstream(): boolean;
  now(): number;
}
