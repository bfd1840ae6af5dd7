import { Crc64 } from '../crc64.ts';
import { RdbError } from '../errors.ts';

/** Bytes that follow a value in what DUMP gives: a version and a checksum. */
const FOOTER = 10;

/**
 * What `RESTORE` takes and `DUMP` gives: a value, its type before it, and behind it the version of RDB it is
 * of and the CRC-64 of all that (`cluster.c: createDumpPayload`). A server takes versions up to its own, and
 * types by what that version of its own line means by them.
 *
 * @param valueType the number of its type, `valueType` of a `key`
 * @param value its bytes as they stand in an RDB, which is what the level `raw` gives, all pieces together
 * @param version of the RDB it was in, 1 to 65535
 * @throws {RdbError} `INVALID_VALUE`
 */
export function restorePayload(valueType: number, value: Uint8Array, version: number): Uint8Array {
  const isIn = (number: number, most: number) =>
    Number.isInteger(number) && number >= 0 && number <= most;
  if (!isIn(valueType, 255) || !isIn(version, 65_535)) {
    const message = `no payload has the type ${valueType} and the version ${version}`;
    throw new RdbError('INVALID_VALUE', 0, message);
  }
  const payload = new Uint8Array(1 + value.length + FOOTER);
  payload[0] = valueType;
  payload.set(value, 1);
  const end = 1 + value.length;
  payload[end] = version & 0xff;
  payload[end + 1] = version >> 8;
  const crc = new Crc64();
  crc.push(payload.subarray(0, end + 2));
  crc.writeTo(payload, end + 2);
  return payload;
}
