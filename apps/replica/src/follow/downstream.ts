import type { Log } from '@forebay/log';

/** Serves the followed log to replicas, which get only bytes that the log holds. */
export interface Downstream {
  /** Serves this log from now on, or none: attached replicas are disconnected and must ask again. */
  serve(log: Log | undefined): void;
  /** Passes on bytes of the stream that are already in the log, to spare reading them from it. */
  propagate(bytes: Uint8Array): void;
}
