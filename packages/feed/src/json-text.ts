import { isUtf8 } from 'node:buffer';

/** Text as it is, and bytes that are no text by their base64: an object is never taken for text. */
export type LineValue = string | { readonly base64: string };

/** What is made text of at once, where it is much: a multiple of three, as base64 is of. */
export const STEP: number = 48 * 1024;

/** What is no longer than this is looked at byte by byte: it is shorter than the way to the system's own. */
const SHORT = 200;

/** Bytes are text where they are UTF-8: written as such they are the same bytes again. */
export function lineValueOf(bytes: Uint8Array): LineValue {
  const buffer = bufferOf(bytes);
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') };
}

/** The same, written as JSON. */
export function jsonOf(bytes: Uint8Array): string {
  if (bytes.length > SHORT || !isPlain(bytes)) return JSON.stringify(lineValueOf(bytes));
  return `"${bufferOf(bytes).toString('latin1')}"`;
}

/** The same of what is long, step by step. */
export function* longPieces(bytes: Uint8Array): Generator<string, void, void> {
  const buffer = bufferOf(bytes);
  const isText = isUtf8(buffer);
  yield isText ? '"' : '{"base64":"';
  for (let at = 0, next: number; at < buffer.length; at = next) {
    next = Math.min(at + STEP, buffer.length);
    if (isText) next = characterStart(buffer, next);
    const step = buffer.subarray(at, next);
    yield isText ? JSON.stringify(step.toString('utf8')).slice(1, -1) : step.toString('base64');
  }
  yield isText ? '"' : '"}';
}

/** The first place from `at` backwards at which a character begins, or all ends. */
function characterStart(text: Uint8Array, at: number): number {
  let start = at;
  while (start < text.length && (text[start]! & 0xc0) === 0x80) start--;
  return start;
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Whether all are printable ASCII that JSON writes as it is. */
function isPlain(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false;
  }
  return true;
}
