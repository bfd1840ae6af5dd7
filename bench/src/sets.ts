import { encodeCommand } from '@forebay/resp';

/** A stretch of a replication stream: `SET`s of keys of 10 bytes, whole commands only. */
export interface Sets {
  readonly bytes: Buffer;
  readonly commands: number;
}

/** About `length` bytes of `SET`s, of `keys` keys in turn. */
export function encodeSets(length: number, valueLength: number, keys = 10_000): Sets {
  const value = Buffer.alloc(valueLength, 'value of a key; ');
  const commands: Uint8Array[] = [];
  for (let size = 0; size < length; ) {
    const key = `key:${String(commands.length % keys).padStart(6, '0')}`;
    const command = encodeCommand(['SET', key, value]);
    commands.push(command);
    size += command.length;
  }
  return { bytes: Buffer.concat(commands), commands: commands.length };
}
