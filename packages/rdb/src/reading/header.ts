import { textOf } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbFrame } from '../format/events.ts';

/** Bytes that an RDB begins with. */
export const HEADER_LENGTH = 9;

/** What the first bytes say. @throws {RdbError} `BAD_MAGIC`, `BAD_VERSION` */
export function headerOf(bytes: Uint8Array): Extract<RdbFrame, { type: 'header' }> {
  const text = textOf(bytes);
  const magic = text.startsWith('REDIS') ? 'REDIS' : 'VALKEY';
  if (!text.startsWith(magic)) {
    throw new RdbError('BAD_MAGIC', 0, `${JSON.stringify(text)} is not how an RDB begins`);
  }
  const digits = text.slice(magic.length);
  const version = /^\d+$/.test(digits) ? Number(digits) : 0;
  if (version === 0) {
    const message = `${JSON.stringify(digits)} is not the version of an RDB`;
    throw new RdbError('BAD_VERSION', magic.length, message);
  }
  return { type: 'header', magic, version };
}
