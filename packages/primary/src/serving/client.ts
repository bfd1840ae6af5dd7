import type { RespFailure, RespValue } from '@forebay/resp';
import { encodeValue } from '@forebay/resp';
import type { Connection } from '@forebay/resp-server';
import type { Traits } from '../conversation/replconf.ts';
import { noTraits } from '../conversation/replconf.ts';
import { error, NO_AUTH, unknownCommand, wrongArity } from '../conversation/replies.ts';
import type { Request } from '../conversation/request-reader.ts';
import { BadRequest, RequestReader } from '../conversation/request-reader.ts';
import type { Caller, Command, CommandTable, Reply } from './command.ts';
import type { Attachment } from './replica/attachment.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Transaction } from './transaction.ts';

/** What a client is told by, and tells. */
export interface ClientHost {
  readonly commands: CommandTable<Client>;
  now(): number;
  /** What is answered to a command that is not in the table; undefined: what servers say. */
  refuse(request: Request): RespFailure | undefined;
  /** A command is about to be carried out, or queued. */
  onCommand(): void;
  /** An error is answered, with this code. */
  onError(code: string): void;
  /** So many bytes more wait to be a whole request, or fewer. */
  onBuffered(change: number): void;
  onGone(client: Client): void;
  /** It speaks HTTP; its connection has been ended. */
  onForeign(client: Client): void;
  /** What is no fault of the peer's; its connection has been ended. */
  onFault(error: unknown): void;
}

/**
 * How a browser begins, which a page that is open on this machine may have sent here: the lines after it
 * would be taken for commands (`networking.c: securityWarningCommand`).
 */
const OF_HTTP: ReadonlySet<string> = new Set(['post', 'host:']);

const NOT_IN_TRANSACTION = error('ERR Command not allowed inside a transaction');

/** One connection, from its first byte to its last. */
export class Client implements Caller {
  readonly id: number;
  readonly connection: Connection;
  /** `host:port` of the peer. */
  readonly address: string;
  /** `host:port` on our side. */
  readonly localAddress: string;
  readonly traits: Traits = noTraits();
  readonly connectedAt: number;
  readonly subscriptions: Subscriptions = new Subscriptions();
  readonly library: { 'lib-name': string; 'lib-ver': string } = { 'lib-name': '', 'lib-ver': '' };
  name = '';
  lastCommand = 'NULL';
  /** Carried out, or queued. */
  commands = 0;
  /** Of RESP. */
  protocol: 2 | 3 = 2;
  /** As selected; nothing here is in one. */
  database = 0;
  /** Set from MULTI to EXEC. */
  transaction: Transaction | undefined;
  /** It is ended when it has its reply. */
  endAfterReply = false;
  /** Set when it has become a replica. */
  attachment: Attachment | undefined;
  readonly #host: ClientHost;
  readonly #reader: RequestReader;
  #authenticated: boolean;
  #lastHeard: number;
  /** Since when it has not said who it is, or anything. */
  #strangeSince: number;
  /** Since when a request of its has begun and is not whole. */
  #begunAt: number | undefined;
  #buffered = 0;
  /** Bytes that the system has taken, when that was last looked at, and when they became more. */
  #passedOn = 0;
  #lastPassedOn: number;
  /** What came and was not looked at yet. */
  readonly #unread: Uint8Array[] = [];
  readonly #closeListeners = new Set<() => void>();
  /** A command is under way: what came after it waits. */
  #busy = false;
  #ended = false;

  constructor(id: number, connection: Connection, authenticated: boolean, host: ClientHost) {
    this.id = id;
    this.connection = connection;
    this.address = `${connection.remoteHost}:${connection.remotePort}`;
    this.localAddress = `${connection.localHost}:${connection.localPort}`;
    this.#host = host;
    this.#authenticated = authenticated;
    this.#reader = new RequestReader(authenticated);
    this.connectedAt = host.now();
    this.#lastHeard = this.connectedAt;
    this.#strangeSince = this.connectedAt;
    this.#lastPassedOn = this.connectedAt;
    connection.listen({
      onBytes: (bytes) => this.#onBytes(bytes),
      onClose: () => {
        this.#count(0);
        for (const listener of this.#closeListeners) listener();
        host.onGone(this);
      },
    });
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** When something came from it last. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /**
   * Since when something is awaited from it, whatever bytes have come meanwhile: to say who it is, a first
   * command, or the rest of one. Undefined: nothing is.
   */
  get owingSince(): number | undefined {
    const isKnown = this.#authenticated && this.lastCommand !== 'NULL';
    return isKnown ? this.#begunAt : this.#strangeSince;
  }

  /** Bytes that have come and are no whole request yet. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Whether a command of its is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** From now on it is to be heard of: before, it had no cause to say anything. */
  touch(): void {
    this.#lastHeard = this.#host.now();
  }

  /** When something was last seen to have gone to it; looked at now and then. */
  lookAtProgress(): number {
    const passedOn = this.connection.bytesWritten - this.connection.unsent;
    if (passedOn !== this.#passedOn) this.#lastPassedOn = this.#host.now();
    this.#passedOn = passedOn;
    return this.#lastPassedOn;
  }

  /** Whether nothing more is taken from it. */
  get closed(): boolean {
    return this.#ended || this.connection.closed;
  }

  get listensByResp2(): boolean {
    return this.protocol === 2 && this.subscriptions.count > 0;
  }

  /** The address that it is to be known by. */
  get host(): string {
    return this.traits.address ?? this.address.slice(0, this.address.lastIndexOf(':'));
  }

  authenticate(): void {
    this.#authenticated = true;
    this.#reader.trust();
  }

  /** As at first (`networking.c: resetCommand`); what it may send stays as long. */
  reset(authenticated: boolean): void {
    this.#authenticated = authenticated;
    this.#strangeSince = this.#host.now();
    this.subscriptions.clear();
    this.transaction = undefined;
    this.protocol = 2;
    this.database = 0;
    this.name = '';
  }

  reply(value: RespValue): void {
    this.#countErrors(value);
    if (!this.closed) this.connection.write(encodeValue(value, this.protocol));
  }

  /** What is no reply. */
  write(line: string): void {
    if (!this.closed) this.connection.write(Buffer.from(line, 'latin1'));
  }

  /** Ends it when all that was written has been passed on. */
  end(): void {
    this.#ended = true;
    this.connection.end();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#ended = true;
    this.#count(0);
    this.connection.destroy();
  }

  /** Calls once when the connection is closed, unless the returned function is called before. */
  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => void this.#closeListeners.delete(listener);
  }

  #onBytes(bytes: Uint8Array): void {
    this.#lastHeard = this.#host.now();
    if (this.#ended) return;
    this.#unread.push(bytes);
    if (!this.#busy) {
      void this.#handleAll();
      return;
    }
    // What comes after that stays in the socket.
    this.connection.pause();
    this.#count(this.#buffered + bytes.length);
  }

  async #handleAll(): Promise<void> {
    this.#busy = true;
    try {
      for (let bytes = this.#unread.shift(); bytes !== undefined; bytes = this.#unread.shift()) {
        this.#reader.push(bytes);
        await this.#handlePushed();
      }
    } catch (failure) {
      this.#fail(failure);
    } finally {
      this.#busy = false;
      this.#count(this.closed ? 0 : this.#reader.pendingBytes);
      this.connection.resume();
    }
  }

  /** Those of a transaction are inside of its reply. */
  #countErrors(value: RespValue): void {
    if (value.type === 'error') this.#host.onError(value.code);
    else if (value.type === 'array') for (const item of value.items) this.#countErrors(item);
  }

  #count(buffered: number): void {
    const change = buffered - this.#buffered;
    this.#buffered = buffered;
    if (change !== 0) this.#host.onBuffered(change);
  }

  async #handlePushed(): Promise<void> {
    for (;;) {
      const request = this.closed ? undefined : this.#reader.next();
      if (request === undefined) {
        if (this.#reader.pendingBytes > 0) this.#begunAt ??= this.#host.now();
        return;
      }
      this.#begunAt = undefined;
      if (request.length === 0) continue;
      const reply = await this.#answer(request);
      if (reply !== undefined) this.reply(reply);
      if (this.endAfterReply) this.end();
      // Who does not read what is answered is asked for nothing more.
      if (this.attachment === undefined) await this.connection.drained();
    }
  }

  #fail(failure: unknown): void {
    if (failure instanceof BadRequest) {
      // A replica would take it for a part of the stream.
      if (this.attachment === undefined) this.reply(error(`ERR ${failure.message}`));
      this.end();
      return;
    }
    this.destroy();
    this.#host.onFault(failure);
  }

  #answer(request: Request): Reply | Promise<Reply> {
    const [name = ''] = request;
    if (OF_HTTP.has(name.toLowerCase())) {
      this.destroy();
      this.#host.onForeign(this);
      return undefined;
    }
    const command = this.#host.commands.get(name.toLowerCase());
    if (command !== undefined) this.lastCommand = nameOf(command, request);
    // A replica that is served says what it has, and nothing else: a reply would be read as stream.
    if (this.attachment !== undefined && command?.forReplicas !== true) {
      this.destroy();
      return undefined;
    }
    const { transaction } = this;
    const refusal = this.#refusalOf(command, request);
    if (command === undefined || refusal !== undefined) {
      transaction?.spoil();
      return refusal;
    }
    this.#host.onCommand();
    this.commands++;
    const words = request.slice(1);
    const isQueued = transaction !== undefined && command.inTransaction === undefined;
    return isQueued ? transaction.queue(command, this, words) : command.run(this, words);
  }

  #refusalOf(command: Command<Client> | undefined, request: Request): RespFailure | undefined {
    const [name = ''] = request;
    if (command === undefined) {
      if (this.listensByResp2) return notToSubscribers(name);
      return this.#host.refuse(request) ?? unknownCommand(request);
    }
    if (request.length < command.least || request.length > command.most) return wrongArity(name);
    if (!this.#authenticated && command.forStrangers !== true) return NO_AUTH;
    if (this.transaction !== undefined && command.inTransaction === 'never') {
      return NOT_IN_TRANSACTION;
    }
    const mayConfuse = this.listensByResp2 && command.forSubscribers !== true;
    return mayConfuse ? notToSubscribers(name) : undefined;
  }
}

/** `client|list` of a command with subcommands (`server.h: fullname`). */
function nameOf({ isContainer }: Command<Client>, [name = '', subcommand = '']: Request): string {
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
