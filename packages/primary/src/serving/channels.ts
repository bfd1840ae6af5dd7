import type { RespValue } from '@forebay/resp';
import { matchesGlob } from '@forebay/resp';
import {
  array,
  bulk,
  error,
  integer,
  NIL,
  otherSubcommand,
  push,
} from '../conversation/replies.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import { MANY } from './command.ts';

/** What one client listens to. */
export class Subscriptions {
  readonly channels: Set<string> = new Set();
  readonly patterns: Set<string> = new Set();

  get count(): number {
    return this.channels.size + this.patterns.size;
  }
}

/** Channels and patterns that one client may listen to. */
const MOST = 1024;
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

  /** Channels listened to by name. */
  names(): string[] {
    return [
      ...new Set([...this.#listeners].flatMap((client) => [...client.subscriptions.channels])),
    ];
  }

  get patternCount(): number {
    return new Set([...this.#listeners].flatMap((client) => [...client.subscriptions.patterns]))
      .size;
  }
}

/** `SUBSCRIBE` and its kin. */
export function channelCommands(channels: Channels): [string, Command<Client>][] {
  const change = (verb: 'subscribe' | 'unsubscribe', isPattern: boolean): Command<Client> => ({
    least: verb === 'subscribe' ? 2 : 1,
    most: MANY,
    summary: `${verb === 'subscribe' ? 'Listens' : 'Stops listening'} to ${isPattern ? 'patterns of channels' : 'channels'}.`,
    forSubscribers: true,
    inTransaction: 'never',
    run: (client, words) => {
      for (const reply of changed(client, words, verb, isPattern)) client.reply(reply);
      channels.changed(client);
      return undefined;
    },
  });
  return [
    ['subscribe', change('subscribe', false)],
    ['unsubscribe', change('unsubscribe', false)],
    ['psubscribe', change('subscribe', true)],
    ['punsubscribe', change('unsubscribe', true)],
    [
      'publish',
      {
        ...{ least: 3, most: 3, summary: 'Sends a message to who listens here.' },
        run: (_, [channel = '', message = '']) => integer(channels.publish(channel, message)),
      },
    ],
    [
      'pubsub',
      {
        ...{ least: 2, most: MANY, summary: 'Tells who listens.' },
        run: (_, [subcommand = '', ...words]) => {
          switch (subcommand.toLowerCase()) {
            case 'channels':
              return array(
                ...channels
                  .names()
                  .filter((name) => matches(words[0] ?? '*', name))
                  .map(bulk),
              );
            case 'numsub':
              return array(
                ...words.flatMap((name) => [bulk(name), integer(channels.listenersOf(name))]),
              );
            case 'numpat':
              return integer(channels.patternCount);
            default:
              return otherSubcommand('pubsub', subcommand, [
                ...['CHANNELS [<pattern>]', 'NUMPAT', 'NUMSUB [<channel> ...]'],
              ]);
          }
        },
      },
    ],
  ];
}

/** Changes what a client listens to; a reply for each name, or one where nothing was listened to. */
function changed(
  { subscriptions }: Client,
  words: readonly string[],
  verb: 'subscribe' | 'unsubscribe',
  isPattern: boolean,
): RespValue[] {
  const names = isPattern ? subscriptions.patterns : subscriptions.channels;
  const kind = bulk(`${isPattern ? 'p' : ''}${verb}`);
  const told = (name: RespValue): RespValue => push(kind, name, integer(subscriptions.count));
  if (verb === 'unsubscribe' && words.length === 0 && names.size === 0) return [told(NIL)];
  const all = words.length === 0 ? [...names] : words;
  return all.map((name) => {
    if (verb === 'unsubscribe') names.delete(name);
    else if (subscriptions.count < MOST || names.has(name)) names.add(name);
    else return error(`ERR no more than ${MOST} channels and patterns are listened to`);
    return told(bulk(name));
  });
}

/** Who does not read what it listens to is let go: nothing else would bound what is held for it. */
function send(client: Client, message: RespValue): void {
  if (client.socket.writableLength > MOST_UNREAD) client.destroy();
  else client.reply(message);
}

function matches(pattern: string, name: string): boolean {
  return matchesGlob(Buffer.from(pattern, 'latin1'), Buffer.from(name, 'latin1'));
}
