import { concatBytes } from '@forebay/testkit';
import type { RdbKey } from '../src/index.ts';
import { RdbReader, restorePayload } from '../src/index.ts';

/** Every key of an RDB, with what restores it. */
export function payloads(rdb: Uint8Array): { key: RdbKey; payload: Buffer }[] {
  const reader = new RdbReader({ level: 'raw' });
  const found: { key: RdbKey; payload: Buffer }[] = [];
  const pieces: Uint8Array[] = [];
  let key: RdbKey | undefined;
  let version = 0;
  reader.push(rdb);
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'header') version = event.version;
    if (event.type === 'key') key = event;
    if (event.type === 'raw') pieces.push(event.bytes);
    if (event.type !== 'key-end') continue;
    const payload = restorePayload(key!.valueType, concatBytes(pieces.splice(0)), version);
    found.push({ key: key!, payload: Buffer.from(payload) });
  }
  return found;
}
