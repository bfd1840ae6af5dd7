/** What went wrong. */
export type LogErrorCode =
  /** The operating system refused; `errno` says with what. */
  | 'IO'
  /** The directory holds what forebay did not write, or what a server has rewritten. */
  | 'FOREIGN'
  /** The directory was written by a newer forebay. */
  | 'NEWER_VERSION'
  /** Another process writes to the directory. */
  | 'LOCKED'
  /** What is on disk contradicts itself. */
  | 'CORRUPT'
  /** The caller asked for an offset that is not held, or not yet. */
  | 'NOT_COVERED'
  /** The caller used a log that has been closed, or out of turn. */
  | 'MISUSE';

const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The only error this package throws. */
export class LogError extends Error {
  override readonly name = 'LogError';
  readonly code: LogErrorCode;
  /** The file or directory concerned. */
  readonly path: string;
  /** The system's error name, `ENOSPC` say; only with `IO`. */
  readonly errno: string | undefined;

  constructor(code: LogErrorCode, path: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
    this.errno = errnoOf(cause);
  }

  /** Whether the reason is a full file system, a quota, or a limit of file sizes. */
  get noRoom(): boolean {
    return NO_ROOM.has(this.errno ?? '');
  }
}

/** Runs what may be refused by the operating system; `doing` is what failed, in a few words. */
export async function orLogError<T>(
  path: string,
  doing: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toLogError(path, doing, error);
  }
}

export function toLogError(path: string, doing: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof LogError || errno === undefined) return error;
  return new LogError('IO', path, `${doing} ${path} failed: ${errno}`, error);
}

function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
