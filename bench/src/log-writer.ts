import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { Log } from '@forebay/log';
import { startHistory } from '@forebay/psync';
import { LOG_ID } from './log-id.ts';
import { encodeSets } from './sets.ts';

/** The shortest file that is an RDB, of a server that sends no relative times. */
const EMPTY_RDB = Buffer.from('REDIS0011\xff\0\0\0\0\0\0\0\0', 'latin1');

// Fills a log with so many bytes of stream, says so, and holds it open until it is told to end.
const [directory = '', length = '0'] = process.argv.slice(2);
const log = await Log.open(directory);
process.once('SIGTERM', () => void log.close());
if (log.history === undefined) await begin();
const { bytes } = encodeSets(256 * 1024, 64);
for (let left = Number(length); left > 0; left -= bytes.length) {
  await log.append(bytes, { offset: log.written + bytes.length, database: 0 });
}
process.stderr.write('filled\n');
const held = setInterval(() => {}, 60_000);
process.once('SIGTERM', () => clearInterval(held));

async function begin(): Promise<void> {
  const target = log.awaitBase();
  await writeFile(target.path, EMPTY_RDB);
  await log.beginHistory({
    ...{ target, size: EMPTY_RDB.length, crc: crc32(EMPTY_RDB), reason: 'a benchmark' },
    ...{ history: startHistory(LOG_ID), offset: 0, database: 0 },
  });
}
