import type { RespFailure, RespValue } from '@forebay/resp';
import type { Client, ClientType } from '../clients/client.ts';
import type { Reply } from '../replies.ts';
import {
  bulk,
  error,
  integer,
  NIL,
  OK,
  otherSubcommand,
  SYNTAX_ERROR,
  verbatim,
  wrongArity,
} from '../replies.ts';
import type { Command } from './command.ts';
import { MANY } from './command.ts';

/** What CLIENT needs of a server. */
export interface ClientCommandOptions {
  readonly clients: Iterable<Client>;
  /** Monotonic milliseconds. */
  now(): number;
  /** Closes connections of this type that are not among the clients; returns how many. */
  closeOthers(type: ClientType): number;
}

const SUBCOMMANDS = [
  'GETNAME',
  'ID',
  'INFO',
  'KILL <option>',
  'LIST [options ...]',
  'NO-EVICT (ON|OFF)',
  'NO-TOUCH (ON|OFF)',
  'SETINFO <option> <value>',
  'SETNAME <name>',
];

type Matches = (client: Client) => boolean;

const ID = /^[1-9]\d{0,14}$/;
const NO_INTEGER = 'is not an integer or out of range';
const NAME = /^[!-~]{0,256}$/;

/** `CLIENT` (`networking.c: clientCommand`). */
export function clientCommand(options: ClientCommandOptions): Command {
  return {
    least: 2,
    most: MANY,
    summary: 'Lists, names and closes connections.',
    isContainer: true,
    run: (client, words) => answer(options, client, words),
  };
}

function answer(options: ClientCommandOptions, client: Client, words: readonly string[]): Reply {
  const [subcommand = '', ...rest] = words;
  switch (subcommand.toLowerCase()) {
    case 'id':
      return rest.length > 0 ? wrongArity('client|id') : integer(client.id);
    case 'getname':
      if (rest.length > 0) return wrongArity('client|getname');
      return client.name === '' ? NIL : bulk(client.name);
    case 'setname':
      return rest.length === 1 ? setName(client, rest[0]!) : wrongArity('client|setname');
    case 'setinfo':
      return rest.length === 2 ? setInfo(client, rest) : wrongArity('client|setinfo');
    case 'no-evict':
    case 'no-touch':
      if (rest.length !== 1) return wrongArity(`client|${subcommand}`);
      return /^(on|off)$/i.test(rest[0]!) ? OK : SYNTAX_ERROR;
    case 'info':
      return verbatim(`${line(client, options.now())}\n`);
    case 'list':
      return list(options, rest);
    case 'kill':
      return kill(options, client, rest);
    default:
      return otherSubcommand('client', subcommand, SUBCOMMANDS);
  }
}

export function setName(client: Client, name: string): RespValue {
  if (!NAME.test(name)) {
    const message = 'ERR Client names cannot contain spaces, newlines or special characters.';
    return error(message);
  }
  client.name = name;
  return OK;
}

/** `networking.c: clientSetinfoCommand`. */
function setInfo(client: Client, [option = '', value = '']: readonly string[]): RespValue {
  const name = option.toLowerCase();
  if (name !== 'lib-name' && name !== 'lib-ver') {
    return error(`ERR Unrecognized option '${option.slice(0, 128)}'`);
  }
  if (!NAME.test(value)) {
    return error(`ERR ${name} cannot contain spaces, newlines or special characters.`);
  }
  client.library[name] = value;
  return OK;
}

function list(options: ClientCommandOptions, words: readonly string[]): Reply {
  const matches = listed(words, options.now());
  if ('type' in matches) return matches;
  const lines = [...options.clients]
    .filter(matches)
    .map((each) => `${line(each, options.now())}\n`);
  return verbatim(lines.join(''));
}

/** All, those with the given ids, or those that filters select (since Valkey 8.1). */
function listed(words: readonly string[], now: number): Matches | RespFailure {
  const [filter = '', ...values] = words;
  if (filter.toLowerCase() !== 'id') return matcher(words, now);
  if (values.length === 0) return SYNTAX_ERROR;
  if (!values.every((value) => ID.test(value))) return error('ERR Invalid client ID');
  return ({ id }) => values.some((value) => id === Number(value));
}

/** The old form: an address only; the reply is an error if no client has it. */
function kill(options: ClientCommandOptions, client: Client, words: readonly string[]): Reply {
  if (words.length === 0) return wrongArity('client|kill');
  if (words.length === 1) {
    const found = [...options.clients].find(({ address }) => address === words[0]);
    return found === undefined ? error('ERR No such client') : dismiss([found], client, OK);
  }
  const skipMe = filterValue(words, 'skipme')?.toLowerCase() !== 'no';
  const matches = matcher(words, options.now());
  if ('type' in matches) return matches;
  const found = [...options.clients].filter(
    (each) => matches(each) && !(skipMe && each === client),
  );
  const type = onlyType(words);
  const others = type === undefined ? 0 : options.closeOthers(type);
  return dismiss(found, client, integer(found.length + others));
}

/** The type, if it is the only filter: connections that are not clients can be selected by type only. */
function onlyType(words: readonly string[]): ClientType | undefined {
  const types = new Set<ClientType | undefined>();
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!.toLowerCase();
    if (name !== 'skipme') types.add(name === 'type' ? typeNamed(words[i + 1]!) : undefined);
  }
  const [type] = types;
  return types.size === 1 ? type : undefined;
}

/** A client that closes itself gets its reply first. */
function dismiss(found: readonly Client[], by: Client, reply: RespValue): Reply {
  for (const each of found) if (each !== by) each.destroy();
  if (found.includes(by)) by.endAfterReply = true;
  return reply;
}

/** The selection of pairs of filter and value, or the error for an invalid pair. */
function matcher(words: readonly string[], now: number): Matches | RespFailure {
  if (words.length % 2 !== 0) return SYNTAX_ERROR;
  const all: Matches[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1]!;
    switch (words[i]!.toLowerCase()) {
      case 'id':
        if (!ID.test(value)) return error('ERR client-id should be greater than 0');
        all.push(({ id }) => id === Number(value));
        break;
      case 'addr':
        all.push(({ address }) => address === value);
        break;
      case 'laddr':
        all.push(({ localAddress }) => localAddress === value);
        break;
      case 'user':
        if (value !== 'default') return error(`ERR No such user '${value.slice(0, 128)}'`);
        break;
      case 'type': {
        const type = typeNamed(value);
        if (type === undefined) return error(`ERR Unknown client type '${value.slice(0, 128)}'`);
        all.push((client) => client.type === type);
        break;
      }
      case 'maxage': {
        if (!/^-?\d{1,15}$/.test(value)) return error(`ERR maxage ${NO_INTEGER}`);
        const age = Number(value);
        if (age <= 0) return error('ERR maxage should be greater than 0');
        all.push(({ connectedAt }) => secondsFrom(connectedAt, now) >= age);
        break;
      }
      case 'skipme':
        if (!/^(yes|no)$/i.test(value)) return SYNTAX_ERROR;
        break;
      default:
        return SYNTAX_ERROR;
    }
  }
  return (client) => all.every((matches) => matches(client));
}

function typeNamed(name: string): ClientType | undefined {
  switch (name.toLowerCase()) {
    case 'normal':
      return 'normal';
    case 'replica':
    case 'slave':
      return 'replica';
    case 'pubsub':
      return 'pubsub';
    case 'master':
    case 'primary':
      return 'primary';
    default:
      return undefined;
  }
}

function filterValue(words: readonly string[], name: string): string | undefined {
  const i = words.findIndex((word, at) => at % 2 === 0 && word.toLowerCase() === name);
  return i === -1 ? undefined : words[i + 1];
}

/**
 * All fields that Redis from 6.0 on and Valkey have in common, in their order (`networking.c:
 * catClientInfoString`). A field without a measure here is 0, `fd` is -1.
 */
function line(client: Client, now: number): string {
  const { id, address, localAddress, name, connectedAt, lastHeard, lastCommand } = client;
  const { connection, subscriptions, transaction, database, protocol, library, buffered } = client;
  const { bytesRead, bytesWritten, unsent } = connection;
  const { channels, patterns, shardChannels } = subscriptions;
  const queued = transaction?.size ?? 0;
  const fields: Readonly<Record<string, string | number>> = {
    id,
    addr: address,
    laddr: localAddress,
    fd: -1,
    name,
    age: secondsFrom(connectedAt, now),
    idle: secondsFrom(lastHeard, now),
    flags: flagsOf(client),
    db: database,
    sub: channels.size,
    psub: patterns.size,
    ssub: shardChannels.size,
    multi: transaction?.length ?? -1,
    watch: 0,
    qbuf: buffered,
    'qbuf-free': 0,
    'argv-mem': 0,
    'multi-mem': queued,
    rbs: 0,
    rbp: 0,
    obl: 0,
    oll: Number(unsent > 0),
    omem: unsent,
    'tot-mem': buffered + queued + unsent,
    events: unsent > 0 ? 'rw' : 'r',
    cmd: lastCommand,
    user: 'default',
    redir: -1,
    resp: protocol,
    ...library,
    'tot-net-in': bytesRead,
    'tot-net-out': bytesWritten,
    'tot-cmds': client.commands,
  };
  return Object.entries(fields)
    .map(([field, value]) => `${field}=${value}`)
    .join(' ');
}

function secondsFrom(since: number, now: number): number {
  return Math.floor((now - since) / 1000);
}

function flagsOf(client: Client): string {
  const { type } = client;
  const flags = `${type === 'replica' ? 'S' : ''}${type === 'pubsub' ? 'P' : ''}`;
  return `${flags}${client.transaction === undefined ? '' : 'x'}` || 'N';
}
