import type { Log } from '@forebay/log';

/** The stream that a log holds: after the offset `lowest`, up to `written`. */
export interface Held {
  readonly id: string;
  readonly lowest: number;
  readonly written: number;
}

/** Undefined: the log is not open, or has no history yet. */
export function heldBy(log: Log | undefined): Held | undefined {
  if (log?.history === undefined || log.lowest === undefined) return undefined;
  return { id: log.history.id, lowest: log.lowest, written: log.written };
}
