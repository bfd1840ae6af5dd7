import type { TransferProgress } from '@forebay/replica';
import type { Entry } from './entry.ts';

/** A form in which things are said. */
export interface Sink {
  /** False: nobody takes it, and it is lost. */
  say(entry: Entry): boolean;
  transfer(progress: TransferProgress, since: number): void;
  clear(): void;
}
