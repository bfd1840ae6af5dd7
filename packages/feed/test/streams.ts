import { encodeCommand } from '@forebay/resp';
import { concatBytes } from '@forebay/testkit';
import type { Change, ChangeDecoder, DecoderStart } from '../src/index.ts';
import { ChangeDecoder as Decoder } from '../src/index.ts';

export const A: string = 'a'.repeat(40);
export const B: string = 'b'.repeat(40);

/** Commands as a stream; the words of each are set apart by blanks. */
export function stream(...commands: readonly string[]): Uint8Array {
  return concatBytes(commands.map((command) => encodeCommand(command.split(' '))));
}

/** Bytes as text with one character for each. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function decoderAt(start: Partial<DecoderStart> = {}): ChangeDecoder {
  return new Decoder({ id: A, offset: 0, database: 0, ...start });
}

/** All changes of a stream that comes in these pieces. */
export function decodeAll(pieces: readonly Uint8Array[], start?: Partial<DecoderStart>): Change[] {
  const decoder = decoderAt(start);
  const changes: Change[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let next = decoder.next(); next; next = decoder.next()) changes.push(next);
  }
  return changes;
}

/** A change in short: `database NAME arguments`, and its mark in a transaction. */
export function inShort({ database, command, args, tx }: Change): string {
  const words = [database, command, ...args.map(latin1), ...(tx ? [`(${tx.mark})`] : [])];
  return words.join(' ');
}
