import type { Level, Logger } from 'pino';
import { pino } from 'pino';
import type { Entry, Tone } from './entry.ts';
import type { Sink } from './sink.ts';
import type { StandardError } from './standard-error.ts';

const LEVELS = {
  detail: 'debug',
  step: 'info',
  good: 'info',
  trouble: 'warn',
  fatal: 'fatal',
} as const satisfies Record<Tone, Level>;

/** As syslog(3) numbers them, for the journal: it then filters by them (sd-daemon(3)). */
const PRIORITIES = {
  detail: '<7>',
  step: '<6>',
  good: '<6>',
  trouble: '<4>',
  fatal: '<3>',
} as const satisfies Record<Tone, string>;

/** For machines: one object a line, by pino. */
export class JsonLines implements Sink {
  readonly #logger: Logger;
  #prefix = '';
  #taken = true;
  readonly #forJournal: boolean;

  /** `forJournal`: each line begins with its priority, which the journal takes off. */
  constructor(stream: StandardError, forJournal: boolean) {
    this.#forJournal = forJournal;
    const destination = {
      write: (line: string) => {
        this.#taken = stream.write(this.#prefix + line);
      },
    };
    const options = {
      level: 'debug',
      // Which host and which process it was is known to whoever collects lines.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    this.#logger = pino(options, destination);
  }

  say({ tone, message, fields }: Entry): boolean {
    if (this.#forJournal) this.#prefix = PRIORITIES[tone];
    this.#logger[LEVELS[tone]](fields ?? {}, message);
    return this.#taken;
  }

  /** A line that is drawn anew is for people. */
  transfer(): void {}

  clear(): void {}
}
