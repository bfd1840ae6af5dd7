import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { encodeCommand } from '@forebay/resp';
import { expect, onTestFinished } from 'vitest';

/** A connection that a test drives by hand. Text has one character a byte. */
export class Peer {
  readonly socket: Socket;
  #received = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#closed = true;
    });
  }

  static async connect(port: number): Promise<Peer> {
    const socket = connect({ host: '127.0.0.1', port });
    const peer = new Peer(socket);
    onTestFinished(() => {
      socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return peer;
  }

  /** What came and was not taken yet. */
  get received(): string {
    return this.#received;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(...words: string[]): void {
    this.socket.write(encodeCommand(words));
  }

  sendRaw(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    return this.#taken(/^(.*?)\r\n/s);
  }

  /** Sends a command and takes the one line that answers it. */
  async ask(...words: string[]): Promise<string> {
    this.send(...words);
    return this.line();
  }

  /** Sends a command and takes the bulk that answers it. */
  async askBulk(...words: string[]): Promise<string> {
    const head = await this.ask(...words);
    const text = await this.bytes(Number(head.slice(1)) + 2);
    return text.slice(0, -2);
  }

  async bytes(count: number): Promise<string> {
    await expect.poll(() => this.#received.length).toBeGreaterThanOrEqual(count);
    const text = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return text;
  }

  async ended(): Promise<void> {
    await expect.poll(() => this.#closed).toBe(true);
  }

  async #taken(pattern: RegExp): Promise<string> {
    await expect.poll(() => this.#received).toMatch(pattern);
    const [whole, text = ''] = pattern.exec(this.#received)!;
    this.#received = this.#received.slice(whole.length);
    return text;
  }
}
