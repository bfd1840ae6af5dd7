import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { encodeCommand } from '@forebay/resp';
import { ConformanceError } from '../errors.ts';

/** Milliseconds that an answer may take. */
const PATIENCE = 20_000;

/** A connection to a server that is driven by hand. Text has one character a byte. */
export class Wire {
  readonly socket: Socket;
  #received = '';
  #onChange: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    // What was lost is seen by what does not come.
    socket.on('error', () => {});
    socket.once('close', () => this.#wake());
  }

  /** @throws what the system refuses the connection with */
  static async connect(port: number, host = '127.0.0.1'): Promise<Wire> {
    const socket = connect({ host, port });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Wire(socket);
  }

  /** What came and was not taken yet. */
  get received(): string {
    return this.#received;
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  send(...words: string[]): void {
    this.socket.write(encodeCommand(words));
  }

  sendRaw(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The next line that is not empty, without its end. @throws {ConformanceError} `TIMED_OUT` */
  async line(): Promise<string> {
    const pattern = /^\n*([^\n]*?)\r\n/;
    await this.#until(() => pattern.test(this.#received), 'a line');
    const [whole = '', text = ''] = pattern.exec(this.#received) ?? [];
    this.#received = this.#received.slice(whole.length);
    return text;
  }

  /** Sends a command and takes the one line that answers it. @throws {ConformanceError} */
  async ask(...words: string[]): Promise<string> {
    this.send(...words);
    return this.line();
  }

  /** Sends a command and takes the bulk that answers it. @throws {ConformanceError} */
  async askBulk(...words: string[]): Promise<string> {
    const head = await this.ask(...words);
    const text = await this.bytes(Number(head.slice(1)) + 2);
    return text.slice(0, -2);
  }

  /** The next so many bytes. @throws {ConformanceError} `TIMED_OUT` */
  async bytes(count: number): Promise<string> {
    await this.#until(() => this.#received.length >= count, `${count} bytes`);
    const text = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return text;
  }

  /** All up to the first `mark`, which is taken too. @throws {ConformanceError} `TIMED_OUT` */
  async upTo(mark: string): Promise<string> {
    await this.#until(() => this.#received.includes(mark), JSON.stringify(mark));
    const end = this.#received.indexOf(mark);
    const text = this.#received.slice(0, end);
    this.#received = this.#received.slice(end + mark.length);
    return text;
  }

  /** Waits until the other side has ended it. @throws {ConformanceError} `TIMED_OUT` */
  async ended(): Promise<void> {
    await this.#until(() => this.closed, 'its end');
  }

  close(): void {
    this.socket.destroy();
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, PATIENCE);
    try {
      while (!holds()) {
        if (late || this.closed) {
          const message = `${what} was awaited${this.closed ? ', and the connection ended' : ''}`;
          throw new ConformanceError('TIMED_OUT', message, {
            detail: this.#received.slice(0, 1000),
          });
        }
        await new Promise<void>((resolve) => this.#onChange.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #wake(): void {
    for (const wake of this.#onChange.splice(0)) wake();
  }
}
