import type { RespValue } from '@forebay/resp';
import type { Channels, MessageKind } from '../clients/channels.ts';
import type { Client } from '../clients/client.ts';
import type { Reply } from '../replies.ts';
import { array, bulk, error, integer, NIL, otherSubcommand, push } from '../replies.ts';
import type { Command } from './command.ts';
import { MANY } from './command.ts';

/** Channels and patterns that one client may subscribe to. */
const MAX_SUBSCRIPTIONS = 1024;

type Verb = 'subscribe' | 'unsubscribe';

/** Kinds of subscriptions, by the prefix of their commands. */
const KINDS = {
  '': { names: 'channels', summary: 'channels' },
  p: { names: 'patterns', summary: 'patterns of channels' },
  s: { names: 'shardChannels', summary: 'shard channels' },
} as const;

type Prefix = keyof typeof KINDS;

/** `SUBSCRIBE` and its kin. */
export function channelCommands(channels: Channels): [name: string, command: Command][] {
  const change = (prefix: Prefix, verb: Verb): [name: string, command: Command] => [
    `${prefix}${verb}`,
    {
      least: verb === 'subscribe' ? 2 : 1,
      most: MANY,
      summary: `${verb === 'subscribe' ? 'Subscribes to' : 'Unsubscribes from'} ${KINDS[prefix].summary}.`,
      forSubscribers: true,
      inTransaction: 'never',
      run: (client, words) => {
        for (const reply of changed(client, words, verb, prefix)) client.reply(reply);
        channels.changed(client);
        return undefined;
      },
    },
  ];
  const publish = (kind: MessageKind, to: string): Command => ({
    least: 3,
    most: 3,
    summary: `Sends a message to subscribers of a ${to} here.`,
    run: (_, [channel = '', message = '']) => integer(channels.publish(channel, message, kind)),
  });
  const prefixes = Object.keys(KINDS) as Prefix[];
  return [
    ...prefixes.flatMap((prefix) => [change(prefix, 'subscribe'), change(prefix, 'unsubscribe')]),
    ['publish', publish('message', 'channel')],
    ['spublish', publish('smessage', 'shard channel')],
    [
      'pubsub',
      {
        least: 2,
        most: MANY,
        summary: 'Shows channels and numbers of subscribers.',
        isContainer: true,
        run: (_, [subcommand = '', ...words]) => pubsub(channels, subcommand, words),
      },
    ],
  ];
}

function pubsub(channels: Channels, subcommand: string, words: readonly string[]): Reply {
  const names = (kind: MessageKind) => array(...channels.names(words[0] ?? '*', kind).map(bulk));
  const counts = (kind: MessageKind) =>
    array(...words.flatMap((name) => [bulk(name), integer(channels.listenersOf(name, kind))]));
  switch (subcommand.toLowerCase()) {
    case 'channels':
      return names('message');
    case 'shardchannels':
      return names('smessage');
    case 'numsub':
      return counts('message');
    case 'shardnumsub':
      return counts('smessage');
    case 'numpat':
      return integer(channels.patternCount);
    default:
      return otherSubcommand('pubsub', subcommand, [
        'CHANNELS [<pattern>]',
        'NUMPAT',
        'NUMSUB [<channel> ...]',
        'SHARDCHANNELS [<pattern>]',
        'SHARDNUMSUB [<shardchannel> ...]',
      ]);
  }
}

/** Changes the subscriptions of a client; returns a reply for each name, or one if there is none. */
function changed(
  { subscriptions }: Client,
  words: readonly string[],
  verb: Verb,
  prefix: Prefix,
): RespValue[] {
  const names = subscriptions[KINDS[prefix].names];
  const { channels, patterns, shardChannels } = subscriptions;
  const kind = bulk(`${prefix}${verb}`);
  // Shard channels are counted by themselves (`pubsub.c: clientShardSubscriptionsCount`).
  const count = () => (prefix === 's' ? shardChannels.size : channels.size + patterns.size);
  const told = (name: RespValue): RespValue => push(kind, name, integer(count()));
  if (verb === 'unsubscribe' && words.length === 0 && names.size === 0) return [told(NIL)];
  const all = words.length === 0 ? [...names] : words;
  return all.map((name) => {
    if (verb === 'unsubscribe') names.delete(name);
    else if (subscriptions.count < MAX_SUBSCRIPTIONS || names.has(name)) names.add(name);
    else
      return error(`ERR no more than ${MAX_SUBSCRIPTIONS} channels and patterns are listened to`);
    return told(bulk(name));
  });
}
