/** The subscriptions of one client. */
export class Subscriptions {
  readonly channels: Set<string> = new Set();
  readonly patterns: Set<string> = new Set();
  readonly shardChannels: Set<string> = new Set();

  /** Of all three kinds (`pubsub.c: clientTotalPubSubSubscriptionCount`). */
  get count(): number {
    return this.channels.size + this.patterns.size + this.shardChannels.size;
  }

  clear(): void {
    for (const names of [this.channels, this.patterns, this.shardChannels]) names.clear();
  }
}
