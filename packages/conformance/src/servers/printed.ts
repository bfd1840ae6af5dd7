import { ConformanceError } from '../errors.ts';

/** Oldest output is dropped beyond this many characters. */
const KEPT = 8 * 1024 * 1024;

/** What a process printed so far, and who waits for a line of it. */
export class Printed {
  #text = '';
  readonly #waiting = new Set<() => void>();

  get text(): string {
    return this.#text;
  }

  add(chunk: string): void {
    this.#text = `${this.#text}${chunk}`.slice(-KEPT);
    for (const check of this.#waiting) check();
  }

  /**
   * Resolves with the first line that `pattern` is found in, printed before or from now on.
   *
   * @throws {ConformanceError} `TIMED_OUT` after `timeoutMs` milliseconds, with the output so far
   */
  waitFor(pattern: string | RegExp, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
      };
      const check = (): void => {
        const line = lineWith(this.#text, pattern);
        if (line === undefined) return;
        finish();
        resolve(line);
      };
      const timer = setTimeout(() => {
        finish();
        const message = `${pattern} was not printed within ${timeoutMs} ms`;
        reject(new ConformanceError('TIMED_OUT', message, { detail: this.#text.slice(-4000) }));
      }, timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }
}

function lineWith(text: string, pattern: string | RegExp): string | undefined {
  const at = typeof pattern === 'string' ? text.indexOf(pattern) : text.search(pattern);
  if (at < 0) return undefined;
  const end = text.indexOf('\n', at);
  // The rest of the line may still be on its way.
  if (end < 0) return undefined;
  return text.slice(text.lastIndexOf('\n', at) + 1, end).trimEnd();
}
