// Reads an RDB as `forebay rdb` does and keeps nothing of it, or verifies it as the daemon does. Arguments: the
// file, the level or `verify`. Prints the most memory that was resident, in megabytes.
import { openSync, readSync } from 'node:fs';
import type { RdbLevel } from '@forebay/rdb';
import { RdbReader, RdbVerifier } from '@forebay/rdb';

const [path, level] = process.argv.slice(2) as [string, RdbLevel | 'verify'];
const file = openSync(path, 'r');
const room = Buffer.allocUnsafeSlow(256 * 1024);

const found = level === 'verify' ? verify() : readAt(level);
const megabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
process.stdout.write(`${found} ${megabytes.toFixed(0)}\n`);

function readAt(level: RdbLevel): number {
  const reader = new RdbReader({ level });
  let events = 0;
  for (const piece of pieces()) {
    reader.push(piece);
    for (let event = reader.next(); event !== undefined; event = reader.next()) events++;
  }
  reader.finish();
  return events;
}

function verify(): number {
  const verifier = new RdbVerifier();
  for (const piece of pieces()) verifier.push(piece);
  const { outcome, keys } = verifier.finish();
  if (outcome !== 'sound') throw new Error(`${path} is ${outcome}`);
  return keys ?? 0;
}

function* pieces(): Generator<Uint8Array> {
  for (let read = readSync(file, room); read > 0; read = readSync(file, room)) {
    yield room.subarray(0, read);
  }
}
