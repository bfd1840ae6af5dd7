import type { Random } from '../random.ts';

/** What a simulated disk, or an open file of it, is asked to do. */
export type DiskOperation =
  | 'open'
  | 'stat'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'link'
  | 'remove'
  | 'syncDirectory'
  | 'lock'
  | 'space'
  | 'write'
  | 'read'
  | 'size'
  | 'truncate'
  | 'sync'
  | 'close';

/** How many of the operations fail by chance, from 0 to 1: of all, or of those that are named. */
export type FailureRate = number | { readonly [operation in DiskOperation]?: number };

interface Fault {
  readonly code: string;
  /** A write may take a part of its bytes first, and fail at the next. */
  readonly partial: boolean;
}

const CHANCE_CODES: Record<DiskOperation, readonly string[]> = {
  open: ['EMFILE', 'EIO'],
  stat: ['EIO'],
  list: ['EMFILE', 'EIO'],
  makeDirectory: ['ENOSPC', 'EIO'],
  rename: ['ENOSPC', 'EIO'],
  link: ['EMLINK', 'EIO'],
  remove: ['EIO'],
  syncDirectory: ['EIO'],
  lock: ['EMFILE', 'ENOLCK'],
  space: ['EIO'],
  write: ['ENOSPC', 'EIO'],
  read: ['EIO'],
  size: ['EIO'],
  truncate: ['EIO'],
  sync: ['EIO', 'ENOSPC'],
  close: ['EIO'],
};

/** Which operations are to fail, and with what. */
export class Faults {
  rate: FailureRate = 0;
  readonly #random: Random;
  readonly #waiting = new Map<DiskOperation, Fault[]>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next of these operations fails; called again, the one after it too. */
  failNext(operation: DiskOperation, code: string): void {
    this.#queue(operation).push({ code, partial: true });
  }

  /** A write has taken a part: the next takes nothing. */
  failRest(code: string): void {
    this.#queue('write').unshift({ code, partial: false });
  }

  /** What the operation that runs now fails with; undefined if it does not. */
  take(operation: DiskOperation): Fault | undefined {
    const waiting = this.#waiting.get(operation)?.shift();
    if (waiting !== undefined) return waiting;
    const rate = typeof this.rate === 'number' ? this.rate : (this.rate[operation] ?? 0);
    if (rate === 0 || this.#random.float() >= rate) return undefined;
    return { code: this.#random.pick(CHANCE_CODES[operation]), partial: true };
  }

  #queue(operation: DiskOperation): Fault[] {
    const found = this.#waiting.get(operation);
    if (found !== undefined) return found;
    const made: Fault[] = [];
    this.#waiting.set(operation, made);
    return made;
  }
}

/** An error as the system's are. */
export function systemError(
  code: string,
  operation: DiskOperation,
  path: string,
): NodeJS.ErrnoException {
  const error = new Error(`${code}: simulated, ${operation} '${path}'`);
  return Object.assign(error, { code, syscall: operation, path });
}
