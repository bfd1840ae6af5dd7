// Reads an RDB as `forebay rdb` does and keeps nothing of it. Arguments: the file, the level. Prints the
// most memory that was resident, in megabytes.
import { openSync, readSync } from 'node:fs';
import type { RdbLevel } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';

const [path, level] = process.argv.slice(2) as [string, RdbLevel];
const file = openSync(path, 'r');
const room = Buffer.allocUnsafeSlow(256 * 1024);
const reader = new RdbReader({ level });
let events = 0;
for (let read = readSync(file, room); read > 0; read = readSync(file, room)) {
  reader.push(room.subarray(0, read));
  for (let event = reader.next(); event !== undefined; event = reader.next()) events++;
}
reader.finish();
const megabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
process.stdout.write(`${events} ${megabytes.toFixed(0)}\n`);
