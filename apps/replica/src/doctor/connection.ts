import type { Endpoint, LinkSocket, TlsOptions } from '@forebay/replica';
import { describeEndpoint, errorOfSocket, openSocket, ReplicaError } from '@forebay/replica';
import type { RespValue } from '@forebay/resp';
import { encodeCommand, RespDecoder } from '@forebay/resp';

const LF = 10;

/** What a server answered. */
export type Reply =
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  /** An empty line in place of a reply: it makes a snapshot, and says that it lives. */
  | { readonly kind: 'newline' };

/** A connection over which commands are asked one by one, or several in one piece. */
export class Connection {
  readonly #where: string;
  readonly #timeout: number;
  readonly #decoder = new RespDecoder();
  readonly #replies: Reply[] = [];
  #socket!: LinkSocket;
  #failure: ReplicaError | undefined;
  #closed = false;
  /** An empty line is a reply. */
  #mayWait = false;
  #onChange = (): void => {};

  private constructor(where: string, timeout: number) {
    this.#where = where;
    this.#timeout = timeout;
  }

  /** `timeout`: milliseconds that it may take to stand, and then each answer. @throws {ReplicaError} */
  static async open(endpoint: Endpoint, tls: TlsOptions, timeout: number): Promise<Connection> {
    const connection = new Connection(describeEndpoint(endpoint), timeout);
    let connected = false;
    connection.#socket = openSocket(endpoint, tls, {
      onConnect: () => {
        connected = true;
        connection.#onChange();
      },
      onBytes: (bytes) => connection.#take(bytes),
      onError: (error) => {
        connection.#failure ??= errorOfSocket(error, endpoint);
      },
      onClose: () => {
        connection.#closed = true;
        connection.#onChange();
      },
    });
    try {
      await connection.#until(() => connected);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Until when the server's certificate is valid; undefined where there is none. */
  get certificateEnd(): Date | undefined {
    return this.#socket.certificateEnd;
  }

  /** @throws {ReplicaError} */
  async ask(...words: string[]): Promise<Reply> {
    const [reply] = await this.askTogether([words]);
    return reply!;
  }

  /** Sends all of them in one piece; the answers, in order. @throws {ReplicaError} */
  async askTogether(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    this.#socket.write(Buffer.concat(commands.map((words) => encodeCommand([...words]))));
    await this.#until(() => this.#replies.length >= commands.length);
    return this.#replies.splice(0, commands.length);
  }

  /** Asks for a stream: the answer may be an empty line, and what follows it is not read. @throws {ReplicaError} */
  async askForStream(...words: string[]): Promise<Reply> {
    this.#mayWait = true;
    const reply = await this.ask(...words);
    this.close();
    return reply;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(received: Uint8Array): void {
    // Read over by what comes next, while a reply may not be whole yet.
    let bytes = Uint8Array.from(received);
    this.#socket.release();
    try {
      while (this.#mayWait && bytes[0] === LF) {
        this.#replies.push({ kind: 'newline' });
        bytes = bytes.subarray(1);
      }
      this.#decoder.push(bytes);
      for (let value = this.#decoder.next(); value !== undefined; value = this.#decoder.next()) {
        this.#replies.push(replyOf(value));
      }
    } catch {
      const message = `what answers at ${this.#where} is no Redis or Valkey`;
      this.#failure ??= new ReplicaError('NOT_UNDERSTOOD', message);
      this.#socket.destroy();
    }
    this.#onChange();
  }

  async #until(isMet: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(this.#timeout);
    const wake = (): void => this.#onChange();
    late.addEventListener('abort', wake);
    try {
      while (!isMet()) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#closed) throw this.#error('LINK_LOST', 'closed the link');
        if (late.aborted) {
          throw this.#error('TIMEOUT', `sent nothing for ${Math.round(this.#timeout / 1000)} s`);
        }
        await new Promise<void>((resolve) => {
          this.#onChange = resolve;
        });
      }
    } finally {
      late.removeEventListener('abort', wake);
    }
  }

  #error(code: 'LINK_LOST' | 'TIMEOUT', what: string): ReplicaError {
    return new ReplicaError(code, `${this.#where} ${what}`);
  }
}

function replyOf(value: RespValue): Reply {
  switch (value.type) {
    case 'error':
    case 'bulk-error':
      return { kind: 'error', text: value.message };
    case 'array':
    case 'set':
      return { kind: 'list', items: value.items.map((item) => textIn(replyOf(item))) };
    case 'simple':
      return { kind: 'text', text: value.text };
    case 'bulk':
      return { kind: 'text', text: Buffer.from(value.bytes).toString() };
    case 'number':
      return { kind: 'text', text: String(value.value) };
    default:
      return { kind: 'text', text: '' };
  }
}

function textIn(reply: Reply): string {
  return reply.kind === 'text' || reply.kind === 'error' ? reply.text : '';
}
