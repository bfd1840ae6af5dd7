// Run under a file size limit: appends until the system refuses, and prints what the log then says.
import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { startHistory } from '@forebay/psync';
import { Log } from '../dist/index.js';

const [directory, rdb, command] = process.argv.slice(2);
const told = [];
const log = await Log.open(directory, { fsync: 'always', onProgress: (each) => told.push(each) });
const target = log.awaitBase();
const bytes = Buffer.from(rdb, 'hex');
await writeFile(target.path, bytes);
await log.beginHistory({
  ...{ target, size: bytes.length, crc: crc32(bytes), reason: 'a test' },
  ...{ history: startHistory('a'.repeat(40)), offset: 0, database: 0 },
});

const errors = [];
const appended = Buffer.from(command, 'hex');
for (let i = 1; i < 10_000 && errors.length < 2; i++) {
  const boundary = { offset: i * appended.length, database: 0 };
  await log.append(appended, boundary).catch((error) => errors.push(error));
}
await log.close();
console.log(
  JSON.stringify({
    told: told.at(-1),
    written: log.written,
    errors: errors.map(({ code, errno, message }) => ({ code, errno, message })),
  }),
);
