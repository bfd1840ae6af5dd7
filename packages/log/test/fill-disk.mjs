// Run under a file size limit: appends until the system refuses, and prints what the log then says.
import { writeFile } from 'node:fs/promises';
import { startHistory } from '@forebay/psync';
import { Log } from '../dist/index.js';

const [directory, rdb, command] = process.argv.slice(2);
const told = [];
const log = await Log.open(directory, { fsync: 'always', onProgress: (each) => told.push(each) });
await writeFile(log.baseTarget.path, Buffer.from(rdb, 'hex'));
await log.adoptBase({ history: startHistory('a'.repeat(40)), offset: 0, database: 0 });

const errors = [];
for (let i = 0; i < 10_000 && errors.length < 2; i++) {
  await log.append(Buffer.from(command, 'hex')).catch((error) => errors.push(error));
}
await log.close();
console.log(
  JSON.stringify({
    told: told.at(-1),
    written: log.written,
    errors: errors.map(({ code, errno, message }) => ({ code, errno, message })),
  }),
);
