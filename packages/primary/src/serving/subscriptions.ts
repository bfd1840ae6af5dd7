/** What one client listens to. */
export class Subscriptions {
  readonly channels: Set<string> = new Set();
  readonly patterns: Set<string> = new Set();

  get count(): number {
    return this.channels.size + this.patterns.size;
  }
}
