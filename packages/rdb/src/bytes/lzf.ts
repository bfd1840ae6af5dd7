import { RdbError } from '../format/errors.ts';

/** A reference of three bytes stands for at most 264: no input grows by more than this factor. */
const MAX_EXPANSION = 88;

/** Whether so much LZF could grow to `length` bytes: asked before memory is taken for them. */
export function canExpand(input: number, length: number): boolean {
  return length <= input * MAX_EXPANSION;
}

/**
 * Expands LZF data (`lzf_d.c: lzf_decompress`) so that it fills `output`.
 *
 * A control byte below 32 is followed by that many literal bytes and one more. Any other refers to
 * bytes that are already there: its top three bits and perhaps another byte give how many, less two,
 * its low five and one more byte how far back, less one. What is copied may overlap its copy.
 *
 * @param position where `input` begins in the RDB, for errors
 * @throws {RdbError} `CORRUPT`
 */
export function expandLzf(input: Uint8Array, output: Uint8Array, position: number): void {
  const { length } = output;
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const start = position + from;
    const control = input[from++]!;
    if (control < 32) {
      const end = from + control + 1;
      if (end > input.length) throw corrupt(start, 'LZF literals end early');
      if (to + control + 1 > length) throw corrupt(start, `LZF expands beyond ${length} bytes`);
      while (from < end) output[to++] = input[from++]!;
    } else {
      const isLong = control >> 5 === 7;
      if (from + (isLong ? 2 : 1) > input.length)
        throw corrupt(start, 'an LZF reference ends early');
      const count = (control >> 5) + 2 + (isLong ? input[from++]! : 0);
      let back = to - ((control & 31) << 8) - input[from++]! - 1;
      if (back < 0) throw corrupt(start, 'an LZF reference points before the beginning');
      if (to + count > length) throw corrupt(start, `LZF expands beyond ${length} bytes`);
      for (const end = to + count; to < end; ) output[to++] = output[back++]!;
    }
  }
  if (to !== length) {
    throw corrupt(position, `LZF expands to ${to} bytes where ${length} are due`);
  }
}

function corrupt(position: number, message: string): RdbError {
  return new RdbError('CORRUPT', position, `${message}, at byte ${position}`);
}
