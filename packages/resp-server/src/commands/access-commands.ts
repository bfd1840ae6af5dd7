import type { RespFailure } from '@forebay/resp';
import type { Channels } from '../clients/channels.ts';
import type { Client } from '../clients/client.ts';
import type { Password } from '../password.ts';
import type { Reply } from '../replies.ts';
import { array, bulk, error, integer, map, OK, SYNTAX_ERROR, simple } from '../replies.ts';
import { setName } from './client-command.ts';
import type { Command } from './command.ts';
import { MANY } from './command.ts';

/** The server as HELLO reports it; read at each HELLO. */
export interface Identity {
  /** A name that clients know: `redis` or `valkey`. */
  readonly server: string;
  readonly version: string;
  /** `master` by default. */
  readonly role?: 'master' | 'replica';
}

/** What `accessCommands` needs of a server. */
export interface AccessOptions {
  readonly password: Password;
  readonly identity: Identity;
  readonly channels: Channels;
}

const NO_PASSWORD = error(
  'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
);
const WRONG_PASSWORD = error('WRONGPASS invalid username-password pair or user is disabled.');
const NO_HELLO = error(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> ' +
    'AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol ' +
    'version at the same time',
);

/** `AUTH`, `HELLO` and `RESET`. */
export function accessCommands(options: AccessOptions): [name: string, command: Command][] {
  const { password, channels } = options;
  return [
    [
      'auth',
      {
        least: 2,
        most: MANY,
        summary: 'Authenticates the connection.',
        forStrangers: true,
        run: (client, words) => auth(password, client, words),
      },
    ],
    [
      'hello',
      {
        least: 1,
        most: MANY,
        summary: 'Selects RESP2 or RESP3.',
        forStrangers: true,
        inTransaction: 'never',
        run: (client, words) => hello(options, client, words),
      },
    ],
    [
      'reset',
      {
        least: 1,
        most: 1,
        summary: 'Resets the connection to its first state.',
        forStrangers: true,
        forSubscribers: true,
        inTransaction: 'at-once',
        run: (client) => {
          client.reset(!password.isRequired);
          channels.changed(client);
          return simple('RESET');
        },
      },
    ],
  ];
}

/** `AUTH [user] password`. */
function auth(required: Password, client: Client, words: readonly string[]): Reply {
  if (words.length > 2) return SYNTAX_ERROR;
  const [password = '', user = 'default'] = words.toReversed();
  if (!required.isRequired && words.length === 1) return NO_PASSWORD;
  return authenticate(required, client, user, password) ?? OK;
}

/** `HELLO [version [AUTH user password] [SETNAME name]]` (`networking.c: helloCommand`). */
function hello(
  { password, identity }: AccessOptions,
  client: Client,
  words: readonly string[],
): Reply {
  const [version, ...options] = words;
  if (version !== undefined && !/^\d{1,15}$/.test(version)) {
    return error('ERR Protocol version is not an integer or out of range');
  }
  if (version !== undefined && version !== '2' && version !== '3') {
    return error('NOPROTO unsupported protocol version');
  }
  const asked = optionsOf(options);
  if ('type' in asked) return asked;
  const { credentials, name } = asked;
  if (credentials !== undefined) {
    const refused = authenticate(password, client, ...credentials);
    if (refused !== undefined) return refused;
  }
  if (!client.authenticated) return NO_HELLO;
  if (name !== undefined) {
    const named = setName(client, name);
    if (named.type === 'error') return named;
  }
  if (version !== undefined) client.protocol = version === '2' ? 2 : 3;
  return greeting(identity, client);
}

function greeting(identity: Identity, { id, protocol }: Client): Reply {
  return map({
    server: bulk(identity.server),
    version: bulk(identity.version),
    proto: integer(protocol),
    id: integer(id),
    mode: bulk('standalone'),
    role: bulk(identity.role ?? 'master'),
    modules: array(),
  });
}

interface HelloOptions {
  readonly credentials: readonly [user: string, password: string] | undefined;
  readonly name: string | undefined;
}

function optionsOf(words: readonly string[]): HelloOptions | RespFailure {
  let credentials: HelloOptions['credentials'];
  let name: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const option = words[i]!;
    const rest = words.length - i - 1;
    if (option.toLowerCase() === 'auth' && rest >= 2) {
      credentials = [words[++i]!, words[++i]!];
    } else if (option.toLowerCase() === 'setname' && rest >= 1) {
      name = words[++i]!;
    } else {
      return error(`ERR Syntax error in HELLO option '${option.slice(0, 128)}'`);
    }
  }
  return { credentials, name };
}

/** Returns the error if the password is wrong. */
function authenticate(
  required: Password,
  client: Client,
  user: string,
  password: string,
): RespFailure | undefined {
  if (!required.accepts(user, password)) return WRONG_PASSWORD;
  client.authenticate();
  return undefined;
}
