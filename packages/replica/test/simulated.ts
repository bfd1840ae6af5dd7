import { bytesOf, concatBytes, textOf } from '@forebay/testkit';
import type { Clock, LinkSocketListener, StopTimer, Transport } from '../src/index.ts';

interface Timer {
  at: number;
  readonly every: number | undefined;
  readonly call: () => void;
}

/** Time that passes when it is told to, and no other. */
export class SimulatedClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, call: () => void): StopTimer {
    return this.#add({ at: this.#now + milliseconds, every: undefined, call });
  }

  every(milliseconds: number, call: () => void): StopTimer {
    return this.#add({ at: this.#now + milliseconds, every: milliseconds, call });
  }

  /** How many are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** All that is due within so many milliseconds is called, in order, and what follows from it done. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = due.at;
      if (due.every === undefined) this.#timers.delete(due);
      else due.at += due.every;
      due.call();
      await settled();
    }
    this.#now = until;
  }

  #add(timer: Timer): StopTimer {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** One connection that is none. */
export interface SimulatedConnection {
  readonly listener: LinkSocketListener;
  /** What was written to it, one character a byte. */
  readonly written: string;
  readonly open: boolean;
  send(...parts: (string | Uint8Array)[]): Promise<void>;
  cut(): Promise<void>;
}

/** A transport without sockets; each connection stands at once, and is kept. */
export function simulatedTransport(): { transport: Transport; links: SimulatedConnection[] } {
  const links: SimulatedConnection[] = [];
  const transport: Transport = (_endpoint, _tls, listener) => {
    let written = '';
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      queueMicrotask(() => listener.onClose());
    };
    links.push({
      listener,
      get written() {
        return written;
      },
      get open() {
        return open;
      },
      send: async (...parts) => {
        const bytes = parts.map((part) => (typeof part === 'string' ? bytesOf(part) : part));
        listener.onBytes(concatBytes(bytes));
        await settled();
      },
      cut: async () => {
        close();
        await settled();
      },
    });
    queueMicrotask(() => listener.onConnect());
    return {
      get writable() {
        return open;
      },
      write: (bytes) => {
        written += textOf(bytes);
      },
      pause: () => {},
      resume: () => {},
      release: () => {},
      destroy: close,
    };
  };
  return { transport, links };
}

/** Promises that follow from each other are done with by the next turn of the loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
