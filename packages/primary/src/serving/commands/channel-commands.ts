import type { RespValue } from '@forebay/resp';
import {
  array,
  bulk,
  error,
  integer,
  NIL,
  otherSubcommand,
  push,
} from '../../conversation/replies.ts';
import type { Channels } from '../channels.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { MANY } from '../command.ts';

/** Channels and patterns that one client may listen to. */
const MOST = 1024;

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
              return array(...channels.names(words[0] ?? '*').map(bulk));
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
