import type { Log } from '@forebay/log';

/** What serves the followed log to replicas; they get only what the log holds. */
export interface Downstream {
  /** Serves this log from now on, or none: replicas that are attached have to ask again. */
  serve(log: Log | undefined): void;
  /** Passes on bytes of the stream that the log holds, before they are read from there. */
  propagate(bytes: Uint8Array): void;
}
