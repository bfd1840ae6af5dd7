import type { DiskOperation } from './faults.ts';
import { systemError } from './faults.ts';
import type { Storage } from './storage.ts';

/** How the operations of a process run: some turns after they were asked for, none after its end. */
export class SystemCalls {
  readonly storage: Storage;
  #ended = false;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  end(): void {
    this.#ended = true;
  }

  /** @throws `EBADF` where the process has ended */
  begin(operation: DiskOperation, path: string): void {
    this.#checkAlive(operation, path);
    this.storage.onOperation?.(operation, path);
    this.#checkAlive(operation, path);
  }

  /** Lets a few microtasks pass, so that what is asked for at once happens in any order. */
  async turns(): Promise<void> {
    for (let left = this.storage.random.integer(1, 3); left > 0; left--) await undefined;
  }

  /** Does `effect` some turns later, unless it is to fail; then `onFailure` is what happens. */
  async run<T>(
    operation: DiskOperation,
    path: string,
    effect: () => T,
    onFailure?: () => void,
  ): Promise<T> {
    await this.turns();
    return this.runNow(operation, path, effect, onFailure);
  }

  runNow<T>(operation: DiskOperation, path: string, effect: () => T, onFailure?: () => void): T {
    this.begin(operation, path);
    const fault = this.storage.faults.take(operation);
    if (fault === undefined) return effect();
    onFailure?.();
    throw systemError(fault.code, operation, path);
  }

  #checkAlive(operation: DiskOperation, path: string): void {
    if (this.#ended) throw systemError('EBADF', operation, path);
  }
}
