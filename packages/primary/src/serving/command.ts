import type { RespValue } from '@forebay/resp';

/** Who gives a command. */
export interface Caller {
  /** That of its connection. */
  readonly id: number;
  /** `host:port` of the peer. */
  readonly address: string;
  /** By `CLIENT SETNAME`; empty where there is none. */
  readonly name: string;
  /** Whether it is gone, or on its way. */
  readonly closed: boolean;
  /** Whether it listens by RESP2, where what it is told is an array, replies too. */
  readonly listensByResp2: boolean;
}

/** One command: how many words it takes, its name included, and what it does. */
export interface Command<By extends Caller = Caller> {
  readonly least: number;
  readonly most: number;
  /** One line for people, told by `COMMAND DOCS`. */
  readonly summary: string;
  /** Its first argument is a subcommand. */
  readonly isContainer?: true;
  /** Answered before AUTH, where a password is asked for. */
  readonly forStrangers?: boolean;
  /** Taken from a replica that is served. */
  readonly forReplicas?: boolean;
  /** Taken from a subscriber that speaks RESP2, whose replies cannot be told from messages. */
  readonly forSubscribers?: boolean;
  /** After MULTI: carried out where it stands, or refused. By default it is queued. */
  readonly inTransaction?: 'at-once' | 'never';
  /** Takes the words after the name, and gives the reply; until it has, nothing more is taken. */
  run(client: By, words: readonly string[]): Reply | Promise<Reply>;
}

/** Made for the protocol version of who asked; undefined where there is none, or none to be made here. */
export type Reply = RespValue | undefined;

/** Commands by name, in lower case. */
export type CommandTable<By extends Caller = Caller> = ReadonlyMap<string, Command<By>>;

/** Words of a command that takes as many as it is given. */
export const MANY = 1024;
