import { execFile } from 'node:child_process';
import type { LinkState } from '../follow/link-state.ts';
import { withoutSecrets } from '../logging/secrets.ts';
import type { Reporter } from '../reporter.ts';

/** Milliseconds that a message may take. */
const PATIENCE = 5000;

/** What a service manager may be told (sd_notify(3)). */
type Message =
  | 'READY=1'
  | 'RELOADING=1'
  | 'STOPPING=1'
  | 'WATCHDOG=1'
  | `READY=1\nSTATUS=${string}`
  | `STATUS=${string}`;

/**
 * Tells systemd how we are, by the command `systemd-notify`: Node has no sockets of the kind. Ready is
 * said when the first base is held and the stream comes in, and not before: what is ordered after us may
 * count on a copy that is whole.
 */
export class ServiceManager {
  readonly #reporter: Pick<Reporter, 'trouble'>;
  /** One message after the other: ready must not come after stopping. */
  #sending: Promise<void> = Promise.resolve();
  /** The status that waits for its turn; a later one takes its place. */
  #status: string | undefined;
  #ready = false;
  #stopping = false;
  #failed = false;

  private constructor(reporter: Pick<Reporter, 'trouble'>) {
    this.#reporter = reporter;
  }

  /** Undefined: nobody asks. */
  static of(
    env: NodeJS.ProcessEnv,
    reporter: Pick<Reporter, 'trouble'>,
  ): ServiceManager | undefined {
    if (!env.NOTIFY_SOCKET) return undefined;
    const manager = new ServiceManager(reporter);
    const { WATCHDOG_USEC: period, WATCHDOG_PID: pid = String(process.pid) } = env;
    if (period !== undefined && pid === String(process.pid)) manager.#watch(Number(period) / 1000);
    return manager;
  }

  /** The link came up, or was lost. */
  link(state: LinkState): void {
    if (this.#stopping) return;
    const status = state.up ? `following ${state.upstream}` : withoutSecrets(state.reason);
    if (state.up && !this.#ready) {
      this.#ready = true;
      this.#send(`READY=1\nSTATUS=${oneLine(status)}`);
      return;
    }
    const waits = this.#status !== undefined;
    this.#status = status;
    if (!waits) this.#sending = this.#sending.then(() => this.#sendStatus());
  }

  /** Runs what reads the configuration anew. */
  reload(reload: () => void): void {
    // Before the first ready systemd waits for that one, and it has not come by having read a file.
    if (this.#ready) this.#send('RELOADING=1');
    reload();
    if (this.#ready) this.#send('READY=1');
  }

  stopping(): void {
    this.#stopping = true;
    this.#send('STOPPING=1');
  }

  /** Says twice in each period that the event loop turns; more is not claimed. */
  #watch(period: number): void {
    if (!(period > 0)) return;
    setInterval(() => this.#send('WATCHDOG=1'), period / 2).unref();
  }

  #send(message: Message): void {
    this.#sending = this.#sending.then(() => this.#notify(message));
  }

  async #sendStatus(): Promise<void> {
    const status = oneLine(this.#status ?? '');
    this.#status = undefined;
    await this.#notify(`STATUS=${status}`);
  }

  #notify(message: Message): Promise<void> {
    return new Promise((resolve) => {
      execFile('systemd-notify', message.split('\n'), { timeout: PATIENCE }, (error) => {
        if (error !== null && !this.#failed) {
          this.#failed = true;
          const { code, message: reason } = error as NodeJS.ErrnoException;
          const why = code === 'ENOENT' ? 'there is no systemd-notify' : oneLine(reason);
          const fields = { event: 'service-manager', reason: why } as const;
          this.#reporter.trouble(`systemd cannot be told how we are: ${why}`, fields);
        }
        resolve();
      });
    });
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
