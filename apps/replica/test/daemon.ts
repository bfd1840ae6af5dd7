import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Server } from '@forebay/conformance';
import { onTestFinished } from 'vitest';

const bin = fileURLToPath(new URL('../bin/forebay.js', import.meta.url));

/** A directory for one test, removed after it. */
export async function freshDirectory(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'forebay-app-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'data');
}

export interface DaemonOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Kilobytes that a file may grow to, as a disk that fills up. */
  readonly fileLimit?: number;
  /** Files that it may have open. */
  readonly openFiles?: number;
}

/** For a daemon that finds its port in a file: a variable would go before that. */
export const PORT_OF_FILE = { FOREBAY_PORT: '' };

/** What `forebay replica` is started with to be attached to a server. */
export function followArguments(
  { host, port }: Server,
  directory: string,
  flags: readonly string[],
): string[] {
  return ['replica', '--replicaof', host, String(port), '--dir', directory, ...flags];
}

/** The real program in a process of its own, as a person starts it. */
export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #printed = '';
  #closed = false;
  #onPrinted: (() => void)[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    const take = (text: string) => {
      this.#printed += text;
      for (const wake of this.#onPrinted.splice(0)) wake();
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    this.#exited = once(child, 'close').then(([code]) => {
      this.#closed = true;
      for (const wake of this.#onPrinted.splice(0)) wake();
      return code as number | null;
    });
  }

  static start(
    args: readonly string[],
    { env = {}, fileLimit, openFiles }: DaemonOptions = {},
  ): Daemon {
    const command = [process.execPath, bin, ...args];
    const limits = [
      ...(fileLimit === undefined ? [] : [`ulimit -S -f ${fileLimit}`]),
      // Node raises the one that is soft.
      ...(openFiles === undefined ? [] : [`ulimit -n ${openFiles}`]),
    ];
    const [file = '', ...words] =
      limits.length === 0
        ? command
        : ['bash', '-c', [...limits, 'exec "$@"'].join('; '), '-', ...command];
    const child = spawn(file, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // What people read, in a pipe too. Daemons run side by side: one serves where its test says so, and not
      // where it does by default.
      env: {
        ...{ FOREBAY_PORT: '0', FOREBAY_HTTP: 'off', FOREBAY_LOG_FORMAT: 'pretty' },
        ...process.env,
        ...env,
      },
    });
    const daemon = new Daemon(child);
    onTestFinished(() => daemon[Symbol.asyncDispose]());
    return daemon;
  }

  /** `forebay replica`, attached to a server, with further flags. */
  static follow(primary: Server, directory: string, ...flags: string[]): Daemon {
    return Daemon.start(followArguments(primary, directory, flags));
  }

  /** All that was printed, to either stream. */
  get printed(): string {
    return this.#printed;
  }

  /** Resolves when `pattern` has been printed `times` times. Rejects where it exits before. */
  async prints(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern, `${pattern.flags}g`);
    while ((this.#printed.match(all)?.length ?? 0) < times) {
      // What it has printed may come after it has ended.
      if (this.#closed) {
        throw new Error(`it ended before it printed ${pattern}:\n${this.#printed}`);
      }
      const more = new Promise<void>((resolve) => this.#onPrinted.push(resolve));
      const late = AbortSignal.timeout(30_000);
      const tooLate = once(late, 'abort').then(() => {
        throw new Error(`it did not print ${pattern}:\n${this.#printed}`);
      });
      await Promise.race([more, tooLate]);
    }
  }

  /** Its exit code, once it has ended by itself. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Lets its files grow to any size, as when room is made. */
  async raiseFileLimit(): Promise<void> {
    const limit = ['--fsize=unlimited:', '--pid', String(this.#child.pid)];
    await promisify(execFile)('prlimit', limit);
  }

  /** Sends it a signal, and waits for nothing. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end, as an init system does, and waits. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
