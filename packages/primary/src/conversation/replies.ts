/** Replies as they are on the wire. What a peer sent and is said back to it keeps to one short line. */
export const OK: string = '+OK\r\n';
export const NO_AUTH: string = error('NOAUTH Authentication required.');
export const SYNTAX_ERROR: string = error('ERR syntax error');
export const NOT_A_NUMBER: string = error('ERR value is not an integer or out of range');

/** Characters of a peer's own words that are said back. */
const ECHOED = 128;

export function simple(text: string): string {
  return `+${text}\r\n`;
}

export function error(message: string): string {
  return `-${message.replaceAll(/[\r\n]/g, ' ')}\r\n`;
}

export function integer(value: number): string {
  return `:${value}\r\n`;
}

/** `text` has one character a byte. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

export function array(...parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.join('')}`;
}

/** `server.c: commandCheckExistence`. */
export function unknownCommand([name = '', ...args]: readonly string[]): string {
  const shown = args.slice(0, 20).map((arg) => `'${arg.slice(0, ECHOED)}' `);
  const beginning = shown.join('').slice(0, ECHOED);
  return error(
    `ERR unknown command '${name.slice(0, ECHOED)}', with args beginning with: ${beginning}`,
  );
}

/** `server.c: commandCheckArity`. */
export function wrongArity(name: string): string {
  return error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}
