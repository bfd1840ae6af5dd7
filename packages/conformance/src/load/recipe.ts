import type { Random } from '@forebay/testkit';
import type { Knows } from '../compare/keyspace.ts';
import type { Word } from '../servers/server.ts';

/** What an operation may draw on. */
export interface LoadContext {
  readonly random: Random;
  readonly knows: Knows;
  readonly databases: number;
  readonly absoluteTimes: boolean;
  readonly flushes: boolean;
  readonly largeBytes: number;
  /** A key of a kind: `kind:N`. Kinds never change their type, so no command meets a wrong one. */
  key(kind: string): string;
  /** A value of up to some 60 bytes: a number, text, or any bytes. */
  value(): Word;
  /** A number that no call before returned: 1, 2, 3… */
  next(): number;
  /** Words that give a key a time to live of `low` to `high` ms: to be used as a command of its own. */
  expire(key: string, low: number, high: number): Word[];
}

/** Commands to be sent one after another in one database. */
export interface Operation {
  readonly commands: readonly (readonly Word[])[];
  /** Error replies that belong to it. */
  readonly tolerates?: RegExp;
  /** The database it leaves selected, where that is not the one it began in. */
  readonly leavesDatabase?: number;
  /** Commands to send next, made of the replies to the first ones. */
  readonly afterwards?: (replies: readonly unknown[]) => readonly (readonly Word[])[];
}

/** A way to make operations, and how often it is taken compared with the others. */
export interface Recipe {
  readonly weight: number;
  /** Whether a server can do it. Default: each can. */
  readonly needs?: (context: LoadContext) => boolean;
  make(context: LoadContext): Operation;
}
