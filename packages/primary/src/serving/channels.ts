import type { RespValue } from '@forebay/resp';
import { matchesGlob } from '@forebay/resp';
import { bulk, push } from '../conversation/replies.ts';
import type { Client } from './client.ts';

/** Bytes that a subscriber may leave lying (`client-output-buffer-limit pubsub`). */
const MOST_UNREAD = 8 * 1024 * 1024;

/** Messages from clients to clients (`pubsub.c`). */
export class Channels {
  readonly #listeners = new Set<Client>();

  /** Sends a message to all who listen; returns how many times it was sent. */
  publish(channel: string, message: string): number {
    let sent = 0;
    for (const client of [...this.#listeners]) {
      const { channels, patterns } = client.subscriptions;
      if (channels.has(channel)) {
        send(client, push(bulk('message'), bulk(channel), bulk(message)));
        sent++;
      }
      for (const pattern of patterns) {
        if (!matches(pattern, channel)) continue;
        send(client, push(bulk('pmessage'), bulk(pattern), bulk(channel), bulk(message)));
        sent++;
      }
    }
    return sent;
  }

  /** Keeps in mind who listens, after what it listens to has changed. */
  changed(client: Client): void {
    if (client.subscriptions.count > 0 && !client.closed) this.#listeners.add(client);
    else this.#listeners.delete(client);
  }

  gone(client: Client): void {
    this.#listeners.delete(client);
  }

  /** Who listens by name to a channel. */
  listenersOf(channel: string): number {
    return [...this.#listeners].filter((client) => client.subscriptions.channels.has(channel))
      .length;
  }

  /** Channels listened to by name, those that a pattern names. */
  names(pattern: string): string[] {
    const all = [...this.#listeners].flatMap((client) => [...client.subscriptions.channels]);
    return [...new Set(all)].filter((name) => matches(pattern, name));
  }

  get patternCount(): number {
    return new Set([...this.#listeners].flatMap((client) => [...client.subscriptions.patterns]))
      .size;
  }
}

/** Who does not read what it listens to is let go: nothing else would bound what is held for it. */
function send(client: Client, message: RespValue): void {
  if (client.socket.writableLength > MOST_UNREAD) client.destroy();
  else client.reply(message);
}

function matches(pattern: string, name: string): boolean {
  return matchesGlob(Buffer.from(pattern, 'latin1'), Buffer.from(name, 'latin1'));
}
