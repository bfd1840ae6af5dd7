import { encodeCommand } from '@forebay/resp';
import { bytesOf, concatBytes } from '@forebay/testkit';

export const ID: string = 'a'.repeat(40);
export const OTHER_ID: string = 'b'.repeat(40);
export const MARK: string = 'E'.repeat(40);

/** `REPLCONF GETACK *`, 37 bytes. */
export const GETACK: Uint8Array = encodeCommand(['REPLCONF', 'GETACK', '*']);

/** Commands as a primary's stream has them. */
export function stream(...commands: string[]): Uint8Array {
  return concatBytes(commands.map((command) => encodeCommand(command.split(' '))));
}

/** An RDB of no keys: the header, `aux` (values below 64 bytes), the end, a sum that is not checked. */
export function rdb(aux: Record<string, string> = {}): Uint8Array {
  const fields = Object.entries(aux).map(([key, value]) => {
    const text = `\xfa${String.fromCharCode(key.length)}${key}${String.fromCharCode(value.length)}${value}`;
    return bytesOf(text);
  });
  return concatBytes([bytesOf('REDIS0011'), ...fields, Uint8Array.of(0xff), new Uint8Array(8)]);
}

/** An RDB of one key, whose value is a string of so many zeros. */
export function rdbOfString(length: number): Uint8Array {
  const head = concatBytes([bytesOf('REDIS0011\0\x01k\x80'), new Uint8Array(4)]);
  new DataView(head.buffer).setUint32(head.length - 4, length);
  const end = concatBytes([Uint8Array.of(0xff), new Uint8Array(8)]);
  return concatBytes([head, new Uint8Array(length), end]);
}

/** A payload whose length is told before it. */
export function counted(payload: Uint8Array): Uint8Array {
  return concatBytes([bytesOf(`$${payload.length}\r\n`), payload]);
}

/** A payload that ends at a mark. */
export function marked(payload: Uint8Array): Uint8Array {
  return concatBytes([bytesOf(`$EOF:${MARK}\r\n`), payload, bytesOf(MARK)]);
}

/** The line, the payload and the first commands, as one segment may hold them. */
export function fullResync(offset: number, payload: Uint8Array, ...rest: Uint8Array[]): Uint8Array {
  return concatBytes([bytesOf(`+FULLRESYNC ${ID} ${offset}\r\n`), payload, ...rest]);
}
