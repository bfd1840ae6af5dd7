import type { RespFailure } from '@forebay/resp';
import type { Client } from '../clients/client.ts';
import type { Reply } from '../replies.ts';
import { error, NO_AUTH, unknownCommand, wrongArity } from '../replies.ts';
import type { Request } from '../request-reader.ts';
import type { Command } from './command.ts';
import type { CommandTable } from './command-table.ts';

/**
 * The first words of HTTP requests. A web page can send one to a server on this machine, and its later lines would
 * be executed as commands (`networking.c: securityWarningCommand`).
 */
const HTTP: ReadonlySet<string> = new Set(['post', 'host:']);

const NOT_IN_TRANSACTION = error('ERR Command not allowed inside a transaction');

export interface DispatcherOptions {
  readonly table: CommandTable;
  /** The error for an unknown command; undefined: that of servers. */
  refuse(name: string): RespFailure | undefined;
  /** The client sent HTTP; its connection has been closed. */
  onForeign(client: Client): void;
}

/** Finds the command of each request and executes, queues or refuses it. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  answer(client: Client, request: Request): Reply | Promise<Reply> {
    const [name = '', ...words] = request;
    if (HTTP.has(name.toLowerCase())) {
      client.destroy();
      this.#options.onForeign(client);
      return undefined;
    }
    const command = this.#options.table.get(name.toLowerCase());
    if (command !== undefined) client.lastCommand = nameOf(command, request);
    const { transaction } = client;
    const refusal = this.#refusalOf(client, command, request);
    if (command === undefined || refusal !== undefined) {
      transaction?.spoil();
      return refusal;
    }
    client.countCommand();
    if (transaction === undefined || command.inTransaction !== undefined) {
      return command.run(client, words);
    }
    return transaction.queue(words, () => command.run(client, words));
  }

  #refusalOf(
    client: Client,
    command: Command | undefined,
    request: Request,
  ): RespFailure | undefined {
    const [name = ''] = request;
    if (command === undefined) {
      if (client.listensByResp2) return notToSubscribers(name);
      return this.#options.refuse(name) ?? unknownCommand(request);
    }
    if (request.length < command.least || request.length > command.most) return wrongArity(name);
    if (!client.authenticated && command.forStrangers !== true) return NO_AUTH;
    if (client.transaction !== undefined && command.inTransaction === 'never') {
      return NOT_IN_TRANSACTION;
    }
    const mayConfuse = client.listensByResp2 && command.forSubscribers !== true;
    return mayConfuse ? notToSubscribers(name) : undefined;
  }
}

/** `client|list` for a command with subcommands (`server.h: fullname`). */
function nameOf({ isContainer }: Command, [name = '', subcommand = '']: Request): string {
  const isShown = isContainer === true && /^[a-z-]{1,32}$/i.test(subcommand);
  return (isShown ? `${name}|${subcommand}` : name).toLowerCase();
}

/** `server.c: processCommand`. */
function notToSubscribers(name: string): RespFailure {
  return error(
    `ERR Can't execute '${name.toLowerCase()}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / ` +
      'RESET are allowed in this context',
  );
}
