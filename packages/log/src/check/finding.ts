import { LogError } from '../errors.ts';
import { APPEND_DIRECTORY } from '../manifest/manifest.ts';

/** Something that is not as it was left, and where. */
export interface Finding {
  /** `error`: what is held is damaged. `warning`: it is not, and the next start sees to it. */
  readonly severity: 'error' | 'warning';
  /** The file, from the data directory on. */
  readonly file: string;
  /** The first bad byte, or where the bytes begin that it is among; 0 is the file's first. */
  readonly place: number;
  /** Offset in the stream of that byte; absent where it is none of the stream. */
  readonly offset?: number;
  readonly what: string;
}

/** A file of the log, as findings name it. */
export function fileNamed(name: string): string {
  return `${APPEND_DIRECTORY}/${name}`;
}

/** What a failure says of a file, which is named beside it: the path is left out. */
export function whatOf(error: LogError): string {
  const { message, path } = error;
  return message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
}

/** Whether the medium could not give what it holds, which is damage as any other. */
export function isUnreadable(error: unknown): error is LogError {
  // What was there a moment ago may be let go of while it is read: a second look tells.
  return error instanceof LogError && /^(EIO|ENOENT)$/.test(error.errno ?? '');
}
