import type { TransferProgress } from '@forebay/replica';
import type { Entry, Tone } from './logging/entry.ts';
import { entryOf } from './logging/entry.ts';
import type { Fields } from './logging/events.ts';

/** Who tells a person, or a machine, what is done. Standard output stays free for data. */
export interface Reporter {
  /** What only a close look wants. */
  detail(message: string, fields?: Fields): void;
  step(message: string, fields?: Fields): void;
  good(message: string, fields?: Fields): void;
  trouble(message: string, fields?: Fields): void;
  /** All of the above come to this, with secrets taken out. */
  say(entry: Entry): void;
  /** How far a transfer is that began at `since` (`performance.now()`); to be told as often as one likes. */
  transfer(progress: TransferProgress, since: number): void;
  /** No transfer runs any more. */
  clear(): void;
}

/** A reporter, but for where things are said. */
export abstract class Speaker implements Reporter {
  abstract say(entry: Entry): void;
  abstract transfer(progress: TransferProgress, since: number): void;
  abstract clear(): void;

  detail(message: string, fields?: Fields): void {
    this.#say('detail', message, fields);
  }

  step(message: string, fields?: Fields): void {
    this.#say('step', message, fields);
  }

  good(message: string, fields?: Fields): void {
    this.#say('good', message, fields);
  }

  trouble(message: string, fields?: Fields): void {
    this.#say('trouble', message, fields);
  }

  /** The last that is said: the process ends with this exit code. */
  fatal(message: string, exitCode: number): void {
    this.#say('fatal', message, { event: 'exit', exitCode });
  }

  #say(tone: Tone, message: string, fields: Fields | undefined): void {
    this.say(entryOf(tone, message, fields));
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
