import type { TransferProgress } from '@forebay/replica';
import { Speaker } from '../reporter.ts';
import { Bound } from './bound.ts';
import type { Entry, Tone } from './entry.ts';
import { entryOf } from './entry.ts';
import { Lines } from './lines.ts';
import type { Sink } from './sink.ts';
import type { ErrorStream } from './standard-error.ts';
import { isJournal, StandardError } from './standard-error.ts';

/** Levels as servers name them, from what says the most on; `debug` has no more than `verbose` so far. */
export const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto`: pretty on a terminal, JSON elsewhere. */
export const LOG_FORMATS = ['auto', 'pretty', 'json'] as const;

export interface LoggingConfig {
  readonly level: LogLevel;
  readonly format: (typeof LOG_FORMATS)[number];
}

const RANKS = {
  detail: LOG_LEVELS.indexOf('verbose'),
  step: LOG_LEVELS.indexOf('notice'),
  good: LOG_LEVELS.indexOf('notice'),
  trouble: LOG_LEVELS.indexOf('warning'),
  fatal: LOG_LEVELS.indexOf('warning'),
} as const satisfies Record<Tone, number>;

/**
 * What this process says on standard error: lines for a person, until it is made the log of a daemon. It
 * blocks nobody, and never throws.
 */
export class ProcessReporter extends Speaker {
  readonly #stream: StandardError;
  readonly #bound = new Bound((entry) => this.#pass(entry));
  #sink: Sink;
  #level: number = LOG_LEVELS.indexOf('notice');
  #lost = 0;

  constructor(stream: ErrorStream) {
    super();
    this.#stream = new StandardError(stream);
    this.#sink = new Lines(this.#stream);
  }

  /** Goes on as the log of a daemon. */
  async becomeLog({ level, format }: LoggingConfig): Promise<void> {
    this.setLevel(level);
    if (format === 'pretty' || (format === 'auto' && this.#stream.isTerminal)) return;
    const { JsonLines } = await import('./json-lines.ts');
    this.#sink = new JsonLines(this.#stream, isJournal(process.env));
  }

  setLevel(level: LogLevel): void {
    this.#level = LOG_LEVELS.indexOf(level);
  }

  override say(entry: Entry): void {
    if (RANKS[entry.tone] >= this.#level) this.#bound.take(entry);
  }

  override transfer(progress: TransferProgress, since: number): void {
    this.#sink.transfer(progress, since);
  }

  override clear(): void {
    this.#sink.clear();
  }

  /** Nothing but a last word is said after this, and nobody is waited for who does not read. */
  end(): void {
    this.#bound.flush();
    this.#tellLoss();
    this.#stream.end();
  }

  #pass(entry: Entry): void {
    this.#tellLoss();
    if (!this.#sink.say(entry)) this.#lost++;
  }

  #tellLoss(): void {
    if (this.#lost > 0 && this.#sink.say(lossOf(this.#lost))) this.#lost = 0;
  }
}

function lossOf(count: number): Entry {
  const message = `${count} lines that would be here are lost: nobody took them`;
  return entryOf('trouble', message, { event: 'lost', count });
}
