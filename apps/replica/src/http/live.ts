import type { ServerResponse } from 'node:http';

/** Pages that are served at once. */
const MOST = 16;
/** Bytes that may wait for a page to take them: several seconds' worth. A slower one is let go. */
const BACKLOG = 1024 * 1024;

/** Open pages, which are told everything as it happens (server-sent events). */
export class Live {
  readonly #pages = new Set<ServerResponse>();

  /** How many there are. */
  get size(): number {
    return this.#pages.size;
  }

  get full(): boolean {
    return this.#pages.size >= MOST;
  }

  /** Takes one in, with what it is told first. The headers are sent. */
  add(response: ServerResponse, first: string): void {
    this.#pages.add(response);
    response.on('close', () => this.#pages.delete(response));
    // The page asks anew by itself, after so many milliseconds.
    response.write(`retry: 1000\n\n${first}`);
  }

  /** Tells all. It is told every second, and so is a heartbeat too. */
  tell(event: string): void {
    for (const page of this.#pages) {
      if (page.writableLength > BACKLOG) page.destroy();
      else page.write(event);
    }
  }

  close(): void {
    for (const page of this.#pages) page.end();
  }
}

/** An event as the wire has it. */
export function serverSent(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
