import { FeedError } from '@forebay/feed';
import { LogError } from '@forebay/log';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import { ReplicaError } from '@forebay/replica';
import { EXIT, ExitError, linkExitCodeOf } from './exit.ts';
import { linkMessageOf } from './link-message.ts';

/** What the process ends with where this went wrong. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.exitCode;
  if (error instanceof FeedError) return feedExitCodeOf(error);
  if (error instanceof LogError) {
    return error.code === 'IO' || error.code === 'CORRUPT' ? EXIT.disk : EXIT.configuration;
  }
  if (error instanceof RdbReceiverError && error.code === 'IO') return EXIT.disk;
  return EXIT.runtime;
}

function feedExitCodeOf({ code, cause }: FeedError): number {
  switch (code) {
    case 'INVALID_OPTION':
    case 'NOT_COVERED':
      return EXIT.usage;
    case 'LOG':
      // A name that no cursor can have.
      return cause instanceof LogError && cause.code === 'MISUSE' ? EXIT.usage : exitCodeOf(cause);
    case 'LINK':
      return (
        (cause instanceof ReplicaError ? linkExitCodeOf(cause.code) : undefined) ?? EXIT.unavailable
      );
    case 'SNAPSHOT':
    case 'DESYNCHRONIZED':
      return EXIT.runtime;
  }
}

/** What is said of it, in a line. */
export function messageOf(error: unknown): string {
  if (error instanceof LogError) return error.message + adviceOn(error.errno);
  if (error instanceof RdbReceiverError) return error.message + adviceOn(error.systemCode);
  if (error instanceof FeedError && error.cause instanceof LogError) return messageOf(error.cause);
  if (error instanceof FeedError) return linkMessageOf(error);
  if (error instanceof ExitError) return error.message;
  // Not one of ours: a fault in the program, of which the place is worth knowing.
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function adviceOn(errno: string | undefined): string {
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return '; make room and start again: nothing that is not on the disk was acknowledged';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return '; give a directory that can be written to';
    default:
      return '';
  }
}
