import { Crc64 } from '../crc64.ts';

/** Bytes after the value: the version, and the checksum of all before it. */
const FOOTER = 2 + 8;

/**
 * What RESTORE takes, and DUMP gives (`cluster.c: createDumpPayload`): the type, the value as it stands in
 * an RDB of that version, the version in two bytes, and the checksum of all of it.
 */
export function restorePayload(valueType: number, value: Uint8Array, version: number): Uint8Array {
  const bytes = new Uint8Array(1 + value.length + FOOTER);
  bytes[0] = valueType;
  bytes.set(value, 1);
  const end = 1 + value.length;
  bytes[end] = version & 0xff;
  bytes[end + 1] = version >> 8;
  const crc = new Crc64();
  crc.push(bytes, 0, end + 2);
  bytes.set(crc.digest(), end + 2);
  return bytes;
}
