import { RespError } from './errors.ts';

/** The parts of the Encoding Standard that are used; every JavaScript runtime has them. */
declare const TextDecoder: {
  new (label: string, options: { ignoreBOM: boolean }): { decode(bytes: Uint8Array): string };
};
declare const TextEncoder: {
  new (): { encodeInto(text: string, into: Uint8Array): { written: number } };
};

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
/** Up to here a loop is faster than a call of the decoder or the encoder. */
const SHORT = 24;
/** Characters that are made into a string by one call: more arguments could overflow the stack. */
const LATIN1_STEP = 4096;

/**
 * The text of bytes `start` to `end`, read as UTF-8; what is no UTF-8 becomes U+FFFD.
 *
 * @throws {RespError} `TEXT_TOO_LONG` if no string can be that long
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) {
    let text = '';
    let at = start;
    for (; at < end && bytes[at]! < 128; at++) text += String.fromCharCode(bytes[at]!);
    if (at === end) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw textTooLong(end - start);
  }
}

/**
 * The text of bytes `start` to `end`, one character below U+0100 a byte: nothing is lost.
 *
 * @throws {RespError} `TEXT_TOO_LONG` if no string can be that long
 */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  try {
    let text = '';
    for (let at = start; at < end; at += LATIN1_STEP) {
      const part = bytes.subarray(at, Math.min(end, at + LATIN1_STEP));
      text += String.fromCharCode.apply(null, part as unknown as number[]);
    }
    return text;
  } catch {
    throw textTooLong(end - start);
  }
}

/** How many bytes `text` has in UTF-8; half of a surrogate pair counts as U+FFFD, three bytes. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if (unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(i + 1))) {
      length += 2;
      i++;
    } else length += 2;
  }
  return length;
}

/** Writes `text` as UTF-8 to `into` from `at`, where it has room, and returns where it ends. */
export function writeUtf8(text: string, into: Uint8Array, at: number): number {
  if (text.length <= SHORT) {
    let i = 0;
    for (; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      into[at + i] = unit;
    }
    if (i === text.length) return at + i;
  }
  return at + encoder.encodeInto(text, into.subarray(at)).written;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function textTooLong(length: number): RespError {
  return new RespError('TEXT_TOO_LONG', `${length} bytes are more than a string can hold`);
}
