import { base64Length, writeBase64 } from './base64.ts';

/** One character a byte, so that nothing is lost of what is no text. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

/** The bytes of text with one character per byte: the lower eight bits of each character. */
export function bytesOfText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Bytes of a key that a message names; longer keys are cut. */
const LONGEST_NAME = 100;

/** A key as messages name it: quoted as in JSON, UTF-8 where it is, and cut where it is long. */
export function quotedKey(key: Uint8Array): string {
  return cut(key, (bytes) => JSON.stringify(utf8Of(bytes) ?? textOf(bytes)));
}

/** A key as in lines of JSON: a string, or `{"base64":"…"}` if it is not UTF-8; long keys are cut. */
export function keyName(key: Uint8Array): string {
  return cut(key, (bytes) => JSON.stringify(utf8Of(bytes) ?? { base64: base64Of(bytes) }));
}

function cut(key: Uint8Array, quoted: (bytes: Uint8Array) => string): string {
  let end = Math.min(key.length, LONGEST_NAME);
  // Not in the middle of a character.
  while (end < key.length && end > 0 && (key[end]! & 0xc0) === 0x80) end--;
  return `${quoted(key.subarray(0, end))}${key.length > end ? '…' : ''}`;
}

/** Undefined where it is none. */
function utf8Of(bytes: Uint8Array): string | undefined {
  const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`);
  try {
    return decodeURIComponent(escaped.join(''));
  } catch {
    return undefined;
  }
}

function base64Of(bytes: Uint8Array): string {
  const digits = new Uint8Array(base64Length(bytes.length));
  writeBase64(bytes, digits, 0);
  return textOf(digits);
}
