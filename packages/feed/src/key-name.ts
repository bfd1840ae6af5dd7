/** Bytes of a key that are named in messages. */
const MOST_NAMED = 100;

/** How a key of a snapshot is named in messages. */
export function nameOf({ key, database }: { key: Uint8Array; database: number }): string {
  const { buffer, byteOffset, length } = key;
  const name = Buffer.from(buffer, byteOffset, Math.min(length, MOST_NAMED)).toString('latin1');
  return `key ${JSON.stringify(name)}${length > MOST_NAMED ? '…' : ''} of database ${database}`;
}
