/** Lets one at a time go on, in the order in which they came. */
export class Turns {
  #last: Promise<unknown> | undefined;

  /** Runs `run` when everything asked for before is done, whether it succeeded or not. */
  async take<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const mine = before === undefined ? run() : before.then(run, run);
    this.#last = mine;
    try {
      return await mine;
    } finally {
      if (this.#last === mine) this.#last = undefined;
    }
  }

  /** Resolves when nobody is in turn. */
  async idle(): Promise<void> {
    while (this.#last !== undefined) await this.#last.catch(() => {});
  }
}
