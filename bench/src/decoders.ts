import { CommandCursor } from '@forebay/resp';
import { Decoder as ClientDecoder } from '@redis/client/dist/lib/RESP/decoder.js';
import { Decoder as IoredisDecoder } from 'ioredis/built/resp/decoder.js';
import RedisParser from 'redis-parser';

/** The `$` that both decoders know bulk strings by. */
const BLOB_STRING = 36;

/** Reads the next chunk of a stream, and tells how many commands were completed by it. */
export type Decode = (chunk: Buffer) => number;

/** The peers read commands as the replies they are made for: an array of Buffers each. */
export const PEERS: Readonly<Record<'redis-parser' | '@redis/client' | 'ioredis', () => Decode>> = {
  'redis-parser': redisParser,
  '@redis/client': () => replyDecoder(ClientDecoder),
  ioredis: () => replyDecoder(IoredisDecoder),
};

/** As the stream of a primary is followed: what no one will take need not be kept over a cut. */
export function cursorWithoutArguments(): Decode {
  const cursor = new CommandCursor({ maxRetainedLength: 256 });
  return (chunk) => {
    cursor.push(chunk);
    let commands = 0;
    while (cursor.next()) commands++;
    return commands;
  };
}

export function cursorWithArguments(): Decode {
  const cursor = new CommandCursor();
  let bytes = 0;
  return (chunk) => {
    cursor.push(chunk);
    let commands = 0;
    while (cursor.next()) {
      commands++;
      for (let i = 0; i < cursor.argumentCount; i++) bytes += cursor.argument(i).length;
    }
    // What is taken has to be looked at, or it would not be made.
    return bytes < 0 ? bytes : commands;
  };
}

function redisParser(): Decode {
  let commands = 0;
  const parser = new RedisParser({
    returnBuffers: true,
    returnReply: () => {
      commands++;
    },
    returnError: fail,
    returnFatalError: fail,
  });
  return (chunk) => {
    commands = 0;
    parser.execute(chunk);
    return commands;
  };
}

/** The decoder of ioredis 6 is built like that of `@redis/client`. */
function replyDecoder(Decoder: typeof ClientDecoder | typeof IoredisDecoder): Decode {
  const typeMapping = { [BLOB_STRING]: Buffer };
  let commands = 0;
  const decoder = new Decoder({
    getTypeMapping: () => typeMapping,
    onReply: () => {
      commands++;
    },
    onErrorReply: fail,
    onPush: fail,
  });
  return (chunk) => {
    commands = 0;
    decoder.write(chunk);
    return commands;
  };
}

function fail(reply: unknown): never {
  throw new Error(`a decoder took a command for something else: ${String(reply)}`);
}
