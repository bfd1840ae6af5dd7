import type { RespFailure } from '@forebay/resp';
import { array, bulk, error, integer, map, OK, SYNTAX_ERROR } from '../../conversation/replies.ts';
import type { Client } from '../client.ts';
import type { Reply } from '../command.ts';
import { setName } from './client-command.ts';
import type { CommandHost } from './command-host.ts';

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

/** `AUTH [user] password`. */
export function auth(host: CommandHost, client: Client, words: readonly string[]): Reply {
  if (words.length > 2) return SYNTAX_ERROR;
  const [password = '', user = 'default'] = words.toReversed();
  if (host.authenticate === undefined && words.length === 1) return NO_PASSWORD;
  return denial(host, client, user, password) ?? OK;
}

/** `HELLO [version [AUTH user password] [SETNAME name]]` (`networking.c: helloCommand`). */
export function hello(host: CommandHost, client: Client, words: readonly string[]): Reply {
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
    const refused = denial(host, client, ...credentials);
    if (refused !== undefined) return refused;
  }
  if (!client.authenticated) return NO_HELLO;
  if (name !== undefined) {
    const named = setName(client, name);
    if (named.type === 'error') return named;
  }
  if (version !== undefined) client.protocol = version === '2' ? 2 : 3;
  return greeting(host, client);
}

function greeting({ identity, replicas }: CommandHost, { id, protocol }: Client): Reply {
  return map({
    server: bulk(identity.server),
    version: bulk(identity.version),
    proto: integer(protocol),
    id: integer(id),
    mode: bulk('standalone'),
    role: bulk(replicas.upstream === undefined ? 'master' : 'replica'),
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

/** Lets a client in, or says why not. */
function denial(
  { authenticate }: CommandHost,
  client: Client,
  user: string,
  password: string,
): RespFailure | undefined {
  const right = authenticate === undefined ? user === 'default' : authenticate(user, password);
  if (!right) return WRONG_PASSWORD;
  client.authenticate();
  return undefined;
}
