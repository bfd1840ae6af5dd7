import type { RespFailure, RespValue } from '@forebay/resp';

/** The reply of a command, encoded for the protocol version of the client; undefined: no reply, or a later one. */
export type Reply = RespValue | undefined;

// Text of a peer that a reply repeats is cut to one short line.
export const OK: RespValue = simple('OK');
export const NIL: RespValue = { type: 'null', of: 'bulk' };
export const NO_AUTH: RespFailure = error('NOAUTH Authentication required.');
export const SYNTAX_ERROR: RespFailure = error('ERR syntax error');
export const NOT_A_NUMBER: RespFailure = error('ERR value is not an integer or out of range');

/** The most characters of a peer's text that an error repeats. */
const ECHOED = 128;

export function simple(text: string): RespValue {
  return { type: 'simple', text };
}

/** `message` begins with its code; line ends become blanks. */
export function error(message: string): RespFailure {
  const line = message.replaceAll(/[\r\n]/g, ' ');
  return { type: 'error', code: line.split(' ', 1)[0]!, message: line };
}

export function integer(value: number): RespValue {
  return { type: 'number', value };
}

/** `text` has one character a byte. */
export function bulk(text: string): RespValue {
  return { type: 'bulk', bytes: Buffer.from(text, 'latin1') };
}

/** Lines for people; `text` has one character a byte (`networking.c: addReplyVerbatim`). */
export function verbatim(text: string): RespValue {
  return { type: 'verbatim', format: 'txt', bytes: Buffer.from(text, 'latin1') };
}

export function array(...items: readonly RespValue[]): RespValue {
  return { type: 'array', items };
}

/** A message that is no reply; an array in RESP2. */
export function push(...items: readonly RespValue[]): RespValue {
  return { type: 'push', items };
}

/** Names and values, in their order; a flat array in RESP2. */
export function map(entries: Readonly<Record<string, RespValue>>): RespValue {
  const pairs = Object.entries(entries);
  return { type: 'map', entries: pairs.map(([name, value]) => [bulk(name), value]) };
}

/** `server.c: commandCheckExistence`. */
export function unknownCommand([name = '', ...args]: readonly string[]): RespFailure {
  const shown = args.slice(0, 20).map((arg) => `'${arg.slice(0, ECHOED)}' `);
  const beginning = shown.join('').slice(0, ECHOED);
  return error(
    `ERR unknown command '${name.slice(0, ECHOED)}', with args beginning with: ${beginning}`,
  );
}

/** The reply to a subcommand that is not in `known`: the list of them for `HELP`, otherwise an error. */
export function otherSubcommand(
  name: string,
  subcommand: string,
  known: readonly string[],
): RespValue {
  if (subcommand.toLowerCase() !== 'help') return unknownSubcommand(name, subcommand);
  const head = `${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
  return array(...[head, ...known, 'HELP'].map(simple));
}

/** `networking.c: addReplySubcommandSyntaxError`. */
function unknownSubcommand(name: string, subcommand: string): RespFailure {
  const shown = subcommand.slice(0, ECHOED);
  return error(`ERR unknown subcommand '${shown}'. Try ${name.toUpperCase()} HELP.`);
}

/** `server.c: commandCheckArity`. */
export function wrongArity(name: string): RespFailure {
  return error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}

/** Text in the form of requests and `bulk`: one character per byte of its UTF-8. */
export function textOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
