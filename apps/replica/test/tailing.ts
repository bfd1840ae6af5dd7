import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const bin = fileURLToPath(new URL('../bin/forebay.js', import.meta.url));

/** A line that `forebay tail` prints. */
export interface Line {
  readonly v: number;
  readonly type?: string;
  readonly offset: number;
  readonly id: string;
  readonly db: number;
  readonly cmd: string;
  readonly keys: readonly unknown[] | null;
  readonly args: readonly (string | { readonly base64: string })[];
  readonly tx: { readonly id: number; readonly mark: string } | null;
  readonly time?: string;
  readonly from?: string;
  readonly to?: string;
  readonly reason?: string;
}

/** `forebay tail` in a process of its own. */
export class Tailing {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output: Buffer[] = [];
  /** Pieces of a line whose end has not come. */
  #torn: Buffer[] = [];
  #lines: Line[] = [];
  #errors = '';
  #closed = false;
  #onMore: (() => void)[] = [];

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [bin, 'tail', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const isJson = !args.includes('resp');
    const wake = () => {
      for (const each of this.#onMore.splice(0)) each();
    };
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      this.#output.push(bytes);
      if (isJson) this.#takeLines(bytes);
      wake();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
      wake();
    });
    this.#ended = once(this.#child, 'close').then(([code]) => {
      this.#closed = true;
      wake();
      return code as number | null;
    });
    onTestFinished(async () => {
      this.#child.kill('SIGKILL');
      await this.#ended;
    });
  }

  /** All that came to standard output. */
  get output(): Buffer {
    return Buffer.concat(this.#output);
  }

  /** The lines that came whole. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** What came to standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** Its exit code, once it has ended. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits for something to be so; rejects where it ends before. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      // What it has printed may come after it has ended.
      if (this.#closed) {
        throw new Error(`it ended before:\n${this.#errors}${this.output.toString().slice(-2000)}`);
      }
      await new Promise<void>((resolve) => this.#onMore.push(resolve));
    }
  }

  /** Waits until it says where it begins. */
  begun(): Promise<void> {
    return this.until(() => /begins after/.test(this.#errors));
  }

  /** Takes no more of its output, and lets it know. */
  hangUp(): void {
    this.#child.stdout?.destroy();
  }

  /** Takes no more of its output for now. */
  pause(): void {
    this.#child.stdout?.pause();
  }

  resume(): void {
    this.#child.stdout?.resume();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    // What it has written is still to be taken.
    this.resume();
    return this.#ended;
  }

  #takeLines(bytes: Buffer): void {
    let from = 0;
    for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', from)) {
      this.#torn.push(bytes.subarray(from, end));
      this.#lines.push(JSON.parse(Buffer.concat(this.#torn).toString('utf8')) as Line);
      this.#torn = [];
      from = end + 1;
    }
    this.#torn.push(bytes.subarray(from));
  }
}
