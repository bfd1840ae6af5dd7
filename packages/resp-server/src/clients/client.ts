import type { RespValue } from '@forebay/resp';
import { encodeValue } from '@forebay/resp';
import type { Connection } from '../connection.ts';
import type { Reply } from '../replies.ts';
import { error } from '../replies.ts';
import type { Request } from '../request-reader.ts';
import { BadRequest, RequestReader } from '../request-reader.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Transaction } from './transaction.ts';

/** What a client needs of its server. */
export interface ClientServer {
  /** Monotonic milliseconds. */
  now(): number;
  answer(client: Client, request: Request): Reply | Promise<Reply>;
  /** A command is executed, or queued. */
  countCommand(): void;
  /** An error with this code is sent. */
  countError(code: string): void;
  /** The number of bytes of incomplete requests of the client has changed by `change`. */
  countBuffered(change: number): void;
  onClose(client: Client): void;
  /** A command threw an error; the connection has been closed. */
  onFault(error: unknown): void;
}

/** As CLIENT LIST and CLIENT KILL name them. */
export type ClientType = 'normal' | 'replica' | 'pubsub' | 'primary';

/** The new owner of a client: the server no longer executes its commands, and no time-out of the server closes it. */
export interface Upgrade {
  /** The type under which CLIENT lists and selects the client. */
  readonly type: ClientType;
  /** Receives all bytes after the request that upgraded the client. */
  onBytes(bytes: Uint8Array): void;
}

/** One connection, from its first byte to its last. */
export class Client {
  readonly id: number;
  readonly connection: Connection;
  /** `host:port` of the peer. */
  readonly address: string;
  /** `host:port` on this side. */
  readonly localAddress: string;
  readonly connectedAt: number;
  readonly subscriptions: Subscriptions = new Subscriptions();
  readonly library: { 'lib-name': string; 'lib-ver': string } = { 'lib-name': '', 'lib-ver': '' };
  /** Set by `CLIENT SETNAME`; empty by default. */
  name = '';
  lastCommand = 'NULL';
  /** RESP version. */
  protocol: 2 | 3 = 2;
  /** Set by SELECT. */
  database = 0;
  /** Set from MULTI to EXEC. */
  transaction: Transaction | undefined;
  /** Whether the connection is closed after the reply. */
  endAfterReply = false;
  readonly #server: ClientServer;
  readonly #reader: RequestReader;
  readonly #closeListeners = new Set<() => void>();
  #upgrade: Upgrade | undefined;
  #authenticated: boolean;
  #commands = 0;
  #lastHeard: number;
  /** Since when the password or a first command is missing. */
  #strangeSince: number;
  /** Since when a request is incomplete. */
  #begunAt: number | undefined;
  #buffered = 0;
  /** Bytes that the system had taken at the last `lookAtProgress`, and when they last grew. */
  #passedOn = 0;
  #lastPassedOn: number;
  /** Received and not yet parsed. */
  readonly #unread: Uint8Array[] = [];
  /** A command is being executed; what was received after it waits. */
  #busy = false;
  #ended = false;

  constructor(id: number, connection: Connection, authenticated: boolean, server: ClientServer) {
    this.id = id;
    this.connection = connection;
    this.address = `${connection.remoteHost}:${connection.remotePort}`;
    this.localAddress = `${connection.localHost}:${connection.localPort}`;
    this.#server = server;
    this.#authenticated = authenticated;
    this.#reader = new RequestReader(authenticated);
    this.connectedAt = server.now();
    this.#lastHeard = this.connectedAt;
    this.#strangeSince = this.connectedAt;
    this.#lastPassedOn = this.connectedAt;
    connection.listen({
      onBytes: (bytes) => this.#onBytes(bytes),
      onClose: () => this.#onClose(),
    });
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  get type(): ClientType {
    return this.#upgrade?.type ?? (this.subscriptions.count > 0 ? 'pubsub' : 'normal');
  }

  get isUpgraded(): boolean {
    return this.#upgrade !== undefined;
  }

  /** Commands executed or queued. */
  get commands(): number {
    return this.#commands;
  }

  /** When the last bytes were received. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /**
   * Since when the client must send its password, its first command, or the rest of a command; other bytes do not
   * reset it. Undefined: nothing is due.
   */
  get owingSince(): number | undefined {
    const isKnown = this.#authenticated && this.lastCommand !== 'NULL';
    return isKnown ? this.#begunAt : this.#strangeSince;
  }

  /** Bytes received that are not a whole request yet. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Whether one of its commands is being executed. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether nothing more is taken from it. */
  get closed(): boolean {
    return this.#ended || this.connection.closed;
  }

  /** Whether messages are sent as arrays, which a client cannot tell from replies. */
  get listensByResp2(): boolean {
    return this.protocol === 2 && this.subscriptions.count > 0;
  }

  /** Measures its silence from now on. */
  touch(): void {
    this.#lastHeard = this.#server.now();
  }

  /** When a call of this function last observed that the system had accepted more bytes. */
  lookAtProgress(): number {
    const passedOn = this.connection.bytesWritten - this.connection.unsent;
    if (passedOn !== this.#passedOn) this.#lastPassedOn = this.#server.now();
    this.#passedOn = passedOn;
    return this.#lastPassedOn;
  }

  authenticate(): void {
    this.#authenticated = true;
    this.#reader.authenticate();
  }

  /** The state of a new connection (`networking.c: resetCommand`); the limits of requests stay. */
  reset(authenticated: boolean): void {
    this.#authenticated = authenticated;
    this.#strangeSince = this.#server.now();
    this.subscriptions.clear();
    this.transaction = undefined;
    this.protocol = 2;
    this.database = 0;
    this.name = '';
  }

  /** Called by a command: from now on the client belongs to `upgrade`, and is sent no messages of channels. */
  upgrade(upgrade: Upgrade): void {
    this.subscriptions.clear();
    this.#upgrade = upgrade;
  }

  /** Counts a command; the owner of an upgraded client calls it too. */
  countCommand(): void {
    this.#commands++;
    this.#server.countCommand();
  }

  /** Sets the bytes that the owner of an upgraded client holds of it; they count for the limit of all clients. */
  countBuffered(buffered: number): void {
    const change = buffered - this.#buffered;
    this.#buffered = buffered;
    if (change !== 0) this.#server.countBuffered(change);
  }

  reply(value: RespValue): void {
    this.#countErrors(value);
    if (!this.closed) this.connection.write(encodeValue(value, this.protocol));
  }

  /** Sends text that is not a reply, one byte per character. */
  write(text: string): void {
    if (!this.closed) this.connection.write(Buffer.from(text, 'latin1'));
  }

  /** Closes the connection after everything written has been sent. */
  end(): void {
    this.#ended = true;
    this.connection.end();
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#ended = true;
    this.countBuffered(0);
    this.connection.destroy();
  }

  /** Closes the connection at once and reports an error of the program. */
  fail(fault: unknown): void {
    this.destroy();
    this.#server.onFault(fault);
  }

  /** Calls the function once when the connection is closed, unless the returned function is called before. */
  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => void this.#closeListeners.delete(listener);
  }

  #onClose(): void {
    this.countBuffered(0);
    this.#server.onClose(this);
    for (const listener of this.#closeListeners) listener();
  }

  #onBytes(bytes: Uint8Array): void {
    this.#lastHeard = this.#server.now();
    if (this.#ended) return;
    if (this.#upgrade !== undefined && !this.#busy) {
      this.#handOver(this.#upgrade, bytes);
      return;
    }
    this.#unread.push(bytes);
    if (!this.#busy) {
      void this.#handleAll();
      return;
    }
    // Later bytes stay in the connection.
    this.connection.pause();
    this.countBuffered(this.#buffered + bytes.length);
  }

  async #handleAll(): Promise<void> {
    this.#busy = true;
    try {
      for (let bytes = this.#unread.shift(); bytes !== undefined; bytes = this.#unread.shift()) {
        if (this.#upgrade !== undefined) this.#handOver(this.#upgrade, bytes);
        else await this.#handle(bytes);
      }
    } catch (failure) {
      this.#onFailure(failure);
    } finally {
      this.#busy = false;
      if (this.closed) this.countBuffered(0);
      else if (this.#upgrade === undefined) this.countBuffered(this.#reader.pendingBytes);
      this.connection.resume();
    }
  }

  async #handle(bytes: Uint8Array): Promise<void> {
    const reader = this.#reader;
    reader.push(bytes);
    for (;;) {
      const request = this.closed ? undefined : reader.next();
      if (request === undefined) {
        if (reader.pendingBytes > 0) this.#begunAt ??= this.#server.now();
        return;
      }
      this.#begunAt = undefined;
      if (request.length === 0) continue;
      const reply = await this.#server.answer(this, request);
      if (reply !== undefined) this.reply(reply);
      if (this.endAfterReply) this.end();
      if (this.#upgrade !== undefined) {
        this.countBuffered(0);
        this.#handOver(this.#upgrade, reader.rest);
        return;
      }
      // A client that does not read its replies is sent no more of them.
      await this.connection.drained();
    }
  }

  #handOver(upgrade: Upgrade, bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#ended) return;
    try {
      upgrade.onBytes(bytes);
    } catch (fault) {
      this.fail(fault);
    }
  }

  #onFailure(failure: unknown): void {
    if (!(failure instanceof BadRequest)) {
      this.fail(failure);
      return;
    }
    this.reply(error(`ERR ${failure.message}`));
    this.end();
  }

  /** Error replies of a transaction are inside its reply. */
  #countErrors(value: RespValue): void {
    if (value.type === 'error') this.#server.countError(value.code);
    else if (value.type === 'array') for (const item of value.items) this.#countErrors(item);
  }
}
