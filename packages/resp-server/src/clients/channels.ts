import type { RespValue } from '@forebay/resp';
import { matchesGlob } from '@forebay/resp';
import { bulk, push } from '../replies.ts';
import type { Client } from './client.ts';

/** Unsent bytes from which a subscriber is disconnected (`client-output-buffer-limit pubsub`). */
const MAX_UNSENT = 8 * 1024 * 1024;

/** Of a channel, or of a shard channel: each has subscribers of its own. */
export type MessageKind = 'message' | 'smessage';

/** The subscribers of all channels and patterns (`pubsub.c`). */
export class Channels {
  readonly #listeners = new Set<Client>();

  /** Whether anything is subscribed to. */
  get listening(): boolean {
    return this.#listeners.size > 0;
  }

  /**
   * Sends a message to all subscribers; returns how many times it was sent. `text` undefined: the message is too
   * long, and its subscribers are disconnected, as a server does that has no memory for it.
   */
  publish(channel: string, text: string | undefined, kind: MessageKind = 'message'): number {
    let sent = 0;
    for (const client of [...this.#listeners]) {
      const { channels, patterns, shardChannels } = client.subscriptions;
      const names = kind === 'message' ? channels : shardChannels;
      if (names.has(channel)) {
        send(client, kind, [channel], text);
        sent++;
      }
      if (kind === 'smessage') continue;
      for (const pattern of patterns) {
        if (!matches(pattern, channel)) continue;
        send(client, 'pmessage', [pattern, channel], text);
        sent++;
      }
    }
    return sent;
  }

  /** Updates the set of subscribers after a client's subscriptions changed. */
  changed(client: Client): void {
    if (client.subscriptions.count > 0 && !client.closed) this.#listeners.add(client);
    else this.#listeners.delete(client);
  }

  gone(client: Client): void {
    this.#listeners.delete(client);
  }

  /** How many subscribe by name to a channel. */
  listenersOf(channel: string, kind: MessageKind = 'message'): number {
    return [...this.#listeners].filter((client) => namesOf(client, kind).has(channel)).length;
  }

  /** Channels subscribed to by name that match a pattern. */
  names(pattern: string, kind: MessageKind = 'message'): string[] {
    const all = [...this.#listeners].flatMap((client) => [...namesOf(client, kind)]);
    return [...new Set(all)].filter((name) => matches(pattern, name));
  }

  get patternCount(): number {
    return new Set([...this.#listeners].flatMap((client) => [...client.subscriptions.patterns]))
      .size;
  }
}

function namesOf({ subscriptions }: Client, kind: MessageKind): ReadonlySet<string> {
  return kind === 'message' ? subscriptions.channels : subscriptions.shardChannels;
}

/** A subscriber that does not read is disconnected: nothing else limits its output buffer. */
function send(
  client: Client,
  kind: MessageKind | 'pmessage',
  names: readonly string[],
  text: string | undefined,
): void {
  if (text === undefined || client.connection.unsent > MAX_UNSENT) client.destroy();
  else client.reply(message(kind, names, text));
}

function message(kind: string, names: readonly string[], text: string): RespValue {
  return push(...[kind, ...names, text].map(bulk));
}

function matches(pattern: string, name: string): boolean {
  return matchesGlob(Buffer.from(pattern, 'latin1'), Buffer.from(name, 'latin1'));
}
