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
    while (!this.#attached && !stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        stop.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#wake = undefined;
  }
}
