import type { HandshakeStep } from '@forebay/psync';
import { meaningOf } from '@forebay/psync';
import type { RespValue } from '@forebay/resp';
import { encodeCommand, RespDecoder } from '@forebay/resp';
import { describeEndpoint } from './address.ts';
import { errorOfSocket } from './connect.ts';
import type { ReplicaError } from './errors.ts';
import { errorOfOutcome, lostError, quoted, silentError, strangerError } from './link-errors.ts';
import type { LinkOptions } from './link-options.ts';
import { withoutPassword, withPassword } from './link-options.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { linkOptions } from './replica-options.ts';
import type { LinkSocket } from './transport.ts';

/** Which server to ask, and how. */
export interface RequestOptions
  extends Pick<ReplicaOptions, 'url' | 'username' | 'password' | 'tls' | 'transport' | 'clock'> {
  /** Milliseconds for the connection, and then for each request; 5,000 by default. */
  readonly timeout?: number;
  /** Whether `timeout` is for the connection and all requests together; false by default. */
  readonly total?: boolean;
}

/** What a server replied. */
export type ServerReply =
  | { readonly kind: 'error'; readonly text: string }
  /** `status`: a line (`+OK`) and no data. */
  | { readonly kind: 'text'; readonly text: string; readonly status: boolean }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  /** An empty line in place of a reply: the server is making a snapshot, and keeps the link alive. */
  | { readonly kind: 'newline' };

const DEFAULT_TIMEOUT = 5000;
/** The largest size of the replies to requests that were sent together, in bytes. */
const MAX_RECEIVED = 1024 * 1024;
const LF = 10;

/** A connection to a server for requests other than replication, such as INFO and CONFIG GET. */
export class RequestClient {
  readonly #options: LinkOptions;
  readonly #where: string;
  readonly #timeout: number;
  /** The deadline for all requests together; undefined: each request has its own. */
  readonly #deadline: number | undefined;
  readonly #decoder = new RespDecoder({ maxBulkLength: MAX_RECEIVED });
  readonly #replies: ServerReply[] = [];
  readonly #socket: LinkSocket;
  /** Bytes received since the last reply was taken. */
  #received = 0;
  #connected = false;
  #closed = false;
  #failure: ReplicaError | undefined;
  /** An empty line is a reply. */
  #mayWait = false;
  #onChange = (): void => {};

  private constructor({ timeout = DEFAULT_TIMEOUT, total = false, ...options }: RequestOptions) {
    this.#options = withPassword(linkOptions(options));
    const { address, tls, transport, clock } = this.#options;
    this.#where = describeEndpoint(address);
    this.#timeout = timeout;
    this.#deadline = total ? clock.elapsed() + timeout : undefined;
    this.#socket = transport(address, tls, {
      onConnect: () => {
        this.#connected = true;
        this.#onChange();
      },
      onBytes: (bytes) => this.#take(bytes),
      onError: (error) => {
        this.#failure ??= errorOfSocket(error, address);
      },
      onClose: () => {
        this.#closed = true;
        this.#onChange();
      },
    });
  }

  /** Connects, without AUTH (`authenticate`). @throws {ReplicaError} as a rejection */
  static async open(options: RequestOptions): Promise<RequestClient> {
    const client = new RequestClient(options);
    try {
      await client.#until(() => client.#connected);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** Until when the server's certificate is valid; undefined where there is none. */
  get certificateEnd(): Date | undefined {
    return this.#socket.certificateEnd;
  }

  /** Sends AUTH; undefined: there is no password. @throws {ReplicaError} as a rejection */
  async authenticate(): Promise<ServerReply | undefined> {
    const { username, password } = this.#options.address;
    if (password === undefined) return undefined;
    return this.ask('AUTH', ...(username === undefined ? [] : [username]), password);
  }

  /** @throws {ReplicaError} as a rejection */
  async ask(...words: string[]): Promise<ServerReply> {
    const [reply] = await this.askTogether([words]);
    return reply!;
  }

  /** Sends all requests in one write; resolves with the replies, in order. @throws {ReplicaError} as a rejection */
  async askTogether(requests: readonly (readonly string[])[]): Promise<ServerReply[]> {
    this.#socket.write(Buffer.concat(requests.map((words) => encodeCommand([...words]))));
    await this.#until(() => this.#replies.length >= requests.length);
    this.#received = 0;
    return this.#replies.splice(0, requests.length);
  }

  /**
   * Sends PSYNC or SYNC, and closes the connection after the reply, which may be an empty line.
   *
   * @throws {ReplicaError} as a rejection
   */
  async askForStream(...words: string[]): Promise<ServerReply> {
    this.#mayWait = true;
    const reply = await this.ask(...words);
    this.close();
    return reply;
  }

  /**
   * Checks a reply as the negotiation of a link does.
   *
   * @throws {ReplicaError} why no link can be established after this reply
   */
  accept(step: HandshakeStep, reply: ServerReply): void {
    const line = lineOf(reply);
    const type = meaningOf(step, line);
    switch (type) {
      case 'try-later':
      case 'denied':
      case 'refused':
      case 'not-understood': {
        const { address } = this.#options;
        throw errorOfOutcome({ type, step, reply: line }, withoutPassword(line, address), address);
      }
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(received: Uint8Array): void {
    // A copy: the socket reuses its memory before the reply is complete.
    let bytes = Uint8Array.from(received);
    this.#socket.release();
    this.#received += bytes.length;
    try {
      while (this.#mayWait && bytes[0] === LF) {
        this.#replies.push({ kind: 'newline' });
        bytes = bytes.subarray(1);
      }
      this.#decoder.push(bytes);
      for (let value = this.#decoder.next(); value !== undefined; value = this.#decoder.next()) {
        this.#replies.push(replyOf(value));
      }
      if (this.#received > MAX_RECEIVED) throw new Error('the reply is too long');
    } catch (cause) {
      const [line = ''] = Buffer.from(bytes).toString('latin1').split(/\r?\n/, 1);
      this.#failure ??= strangerError(this.#where, quoted(line), { cause });
      this.#socket.destroy();
    }
    this.#onChange();
  }

  /** @throws {ReplicaError} as a rejection */
  async #until(isMet: () => boolean): Promise<void> {
    const { clock } = this.#options;
    const left = this.#deadline === undefined ? this.#timeout : this.#deadline - clock.elapsed();
    let isLate = false;
    const stop = clock.after(left, () => {
      isLate = true;
      this.#onChange();
    });
    try {
      while (!isMet()) {
        const phase = this.#connected ? 'handshake' : 'connect';
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#closed) throw lostError(this.#where, phase);
        if (isLate) throw silentError(this.#where, phase, this.#timeout);
        await new Promise<void>((resolve) => {
          this.#onChange = resolve;
        });
      }
    } finally {
      stop();
    }
  }
}

function replyOf(value: RespValue): ServerReply {
  switch (value.type) {
    case 'error':
    case 'bulk-error':
      return { kind: 'error', text: value.message };
    case 'array':
    case 'set':
      return { kind: 'list', items: value.items.map((item) => textIn(replyOf(item))) };
    case 'simple':
      return { kind: 'text', text: value.text, status: true };
    case 'bulk':
      return { kind: 'text', text: Buffer.from(value.bytes).toString(), status: false };
    case 'number':
      return { kind: 'text', text: String(value.value), status: false };
    default:
      return { kind: 'text', text: '', status: false };
  }
}

/** The first line of a reply as on the wire, as far as the negotiation distinguishes replies. */
function lineOf(reply: ServerReply): string {
  switch (reply.kind) {
    case 'error':
      return `-${reply.text}`;
    case 'text':
      return reply.status ? `+${reply.text}` : `$${reply.text.length}`;
    case 'list':
      return `*${reply.items.length}`;
    case 'newline':
      return '';
  }
}

function textIn(reply: ServerReply): string {
  return reply.kind === 'text' || reply.kind === 'error' ? reply.text : '';
}
