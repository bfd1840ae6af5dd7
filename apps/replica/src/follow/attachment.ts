/** Whether anybody is followed at all (`REPLICAOF NO ONE`). */
export class Attachment {
  #attached = true;
  #wake: (() => void) | undefined;

  get attached(): boolean {
    return this.#attached;
  }

  detach(): void {
    this.#attached = false;
  }

  attach(): void {
    this.#attached = true;
    this.#wake?.();
  }

  /** Resolves when somebody is to be followed, or `stop` is aborted. */
  async awaited(stop: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    stop.addEventListener('abort', wake);
    while (!this.#attached && !stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // It may be let go of and taken up again any number of times.
    stop.removeEventListener('abort', wake);
    this.#wake = undefined;
  }
}
