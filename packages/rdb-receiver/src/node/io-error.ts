import { RdbReceiverError } from '../errors.ts';

/** What the system said, as this package's error. `doing` completes "could not …". */
export function ioError(doing: string, path: string, cause: unknown): RdbReceiverError {
  const systemCode = systemCodeOf(cause);
  const reason = systemCode ?? (cause instanceof Error ? cause.message : String(cause));
  const details = systemCode === undefined ? { path, cause } : { path, cause, systemCode };
  return new RdbReceiverError('IO', `could not ${doing} ${path}: ${reason}`, details);
}

/** The name of a system's error, such as `ENOSPC`. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
