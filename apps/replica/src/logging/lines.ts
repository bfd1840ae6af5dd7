import { styleText } from 'node:util';
import type { TransferProgress } from '@forebay/replica';
import { printable } from '../output/printable.ts';
import { formatBytes } from '../reporter.ts';
import type { Entry, Tone } from './entry.ts';
import type { Sink } from './sink.ts';
import type { StandardError } from './standard-error.ts';

const COLOURS = {
  detail: 'dim',
  step: 'cyan',
  good: 'green',
  trouble: 'yellow',
  fatal: 'red',
} as const satisfies Record<Tone, string>;

/** Milliseconds between two drawings of the live line. */
const REDRAW = 100;

/** For a person: one line a step, and on a terminal a live line below them while a transfer runs. */
export class Lines implements Sink {
  readonly #stream: StandardError;
  readonly #live: boolean;
  #drawn = 0;
  #liveLine = false;

  constructor(stream: StandardError) {
    this.#stream = stream;
    this.#live = stream.isTerminal;
  }

  say({ tone, message }: Entry): boolean {
    this.clear();
    const time = new Date().toISOString().slice(11, 19);
    const [mark, stamp] = this.#live
      ? [styleText(COLOURS[tone], '•'), styleText('dim', time)]
      : ['', time];
    return this.#stream.write(
      `${[stamp, mark, printable(message)].filter((part) => part !== '').join(' ')}\n`,
    );
  }

  /** Draws the live line, at most ten times a second; nothing where no person watches. */
  transfer({ read, total }: TransferProgress, since: number): void {
    const now = performance.now();
    if (!this.#live || now - this.#drawn < REDRAW) return;
    this.#drawn = now;
    const speed = formatBytes(read / Math.max(0.001, (now - since) / 1000));
    const share = total === undefined ? '' : ` of ${formatBytes(total)} ${bar(read / total)}`;
    this.clear();
    this.#stream.write(`  ${formatBytes(read)}${share} ${speed}/s`);
    this.#liveLine = true;
  }

  /** Takes the live line away. */
  clear(): void {
    if (this.#liveLine) this.#stream.write('\r\x1b[2K');
    this.#liveLine = false;
  }
}

function bar(share: number): string {
  const width = 24;
  const filled = Math.round(Math.min(1, share) * width);
  return `[${'█'.repeat(filled)}${'·'.repeat(width - filled)}] ${Math.floor(share * 100)} %`;
}
