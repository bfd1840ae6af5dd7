import { styleText } from 'node:util';
import type { TransferProgress } from '@forebay/replica';

type Tone = 'step' | 'good' | 'trouble';

const COLOURS = { step: 'cyan', good: 'green', trouble: 'yellow' } as const;

/** Milliseconds between two drawings of the live line. */
const REDRAW = 100;

/**
 * What a person sees: one line a step on standard error, and on a terminal a live line below them
 * while a transfer runs. Standard output stays free for data.
 */
export class Reporter {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: boolean;
  #drawn = 0;
  #liveLine = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#live = stream.isTTY === true;
  }

  step(message: string): void {
    this.#print('step', message);
  }

  good(message: string): void {
    this.#print('good', message);
  }

  trouble(message: string): void {
    this.#print('trouble', message);
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

  #print(tone: Tone, message: string): void {
    this.clear();
    const time = new Date().toISOString().slice(11, 19);
    const [mark, stamp] = this.#live
      ? [styleText(COLOURS[tone], '•'), styleText('dim', time)]
      : ['', time];
    this.#stream.write(`${[stamp, mark, message].filter((part) => part !== '').join(' ')}\n`);
  }

  /** Takes the live line away. */
  clear(): void {
    if (this.#liveLine) this.#stream.write('\r\x1b[2K');
    this.#liveLine = false;
  }
}

/** A number of bytes in three digits and a unit of 1,024. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

function bar(share: number): string {
  const width = 24;
  const filled = Math.round(Math.min(1, share) * width);
  return `[${'█'.repeat(filled)}${'·'.repeat(width - filled)}] ${Math.floor(share * 100)} %`;
}
