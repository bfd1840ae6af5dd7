import { textOf } from '@forebay/testkit';
import {
  CommandCursor,
  type CommandCursorOptions,
  RespDecoder,
  type RespDecoderOptions,
  RespError,
  type RespValue,
} from '../src/index.ts';

/** What a fault of the stream is, without its wording. */
export interface Fault {
  readonly code: string;
  readonly offset: number | undefined;
}

export interface ReadCommand {
  /** One character a byte; where the bytes are not retained, `<length>`, or `<>` past the table. */
  readonly args: readonly string[];
  readonly consumed: number;
  readonly inline: boolean;
}

/** Everything a cursor finds in the pieces, pushed one by one. */
export function readCommands(pieces: readonly Uint8Array[], options?: CommandCursorOptions) {
  const cursor = new CommandCursor(options);
  const commands: ReadCommand[] = [];
  const fault = faultOf(() => {
    for (const piece of pieces) {
      cursor.push(piece);
      while (cursor.next()) commands.push(currentCommand(cursor));
      // The contract: after false the chunk may change.
      piece.fill(0x2a);
    }
  });
  return { commands, fault, total: cursor.totalConsumed, pending: cursor.pendingBytes };
}

export function currentCommand(cursor: CommandCursor): ReadCommand {
  const args = Array.from({ length: cursor.argumentCount }, (_, i) => {
    try {
      return textOf(cursor.argument(i));
    } catch (error) {
      if (!(error instanceof RespError) || error.code !== 'NOT_RETAINED') throw error;
      return faultOf(() => cursor.argumentLength(i)) ? '<>' : `<${cursor.argumentLength(i)}>`;
    }
  });
  return { args, consumed: cursor.bytesConsumed, inline: cursor.inline };
}

/** Everything a decoder finds in the pieces, pushed one by one. */
export function readValues(pieces: readonly Uint8Array[], options?: RespDecoderOptions) {
  const decoder = new RespDecoder(options);
  const values: RespValue[] = [];
  const fault = faultOf(() => {
    for (const piece of pieces) {
      decoder.push(piece);
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
        values.push(value);
      }
      piece.fill(0x2a);
    }
  });
  return { values, fault, total: decoder.totalConsumed };
}

/** The fault that `run` ends in, if any; an error of another class is no fault and goes on up. */
export function faultOf(run: () => void): Fault | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof RespError)) throw error;
    return { code: error.code, offset: error.offset };
  }
}
