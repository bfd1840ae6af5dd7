import { encodeCommand } from '@forebay/resp';

/** Bytes of an argument from which on it is not copied. */
const LONG = 64 * 1024;

const CRLF = Buffer.from('\r\n');

/** A command as bytes, in parts: long arguments as they are, so that none is in memory twice. */
export function commandParts(args: readonly (string | number | Uint8Array)[]): Uint8Array[] {
  if (!args.some(isLong)) return [encodeCommand(args)];
  const parts: Uint8Array[] = [];
  let text: Uint8Array[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const body = arg instanceof Uint8Array ? arg : Buffer.from(String(arg));
    text.push(Buffer.from(`$${body.length}\r\n`));
    if (isLong(body)) {
      parts.push(Buffer.concat(text), body);
      text = [CRLF];
    } else text.push(body, CRLF);
  }
  parts.push(Buffer.concat(text));
  return parts;
}

function isLong(arg: string | number | Uint8Array): boolean {
  return arg instanceof Uint8Array && arg.length >= LONG;
}
