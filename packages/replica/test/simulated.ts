import { bytesOf, concatBytes, textOf } from '@forebay/testkit';
import type { LinkSocketListener, Transport } from '../src/index.ts';

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
