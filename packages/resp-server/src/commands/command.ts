import type { Client } from '../clients/client.ts';
import type { Reply } from '../replies.ts';

/** One command of a server. */
export interface Command {
  /** Words of a request, the name included. */
  readonly least: number;
  readonly most: number;
  /** One line for people, shown by `COMMAND DOCS`. */
  readonly summary: string;
  /** Its first argument is a subcommand. */
  readonly isContainer?: true;
  /** Allowed before AUTH. */
  readonly forStrangers?: true;
  /** Allowed for a RESP2 client with subscriptions, which cannot distinguish replies from messages. */
  readonly forSubscribers?: true;
  /** After MULTI: executed at once, or refused; queued by default. */
  readonly inTransaction?: 'at-once' | 'never';
  /** Executes it with the words after the name. The next request of the client waits for the reply. */
  run(client: Client, words: readonly string[]): Reply | Promise<Reply>;
}

/** Commands with their names, in lower case. */
export type Commands = Iterable<readonly [name: string, command: Command]>;

/** `most` of a command without a limit of its own. */
export const MANY = 1024;
