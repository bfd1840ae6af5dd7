import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeCommand } from '@forebay/resp';
import { expect, it } from 'vitest';
import { Log } from '../src/index.ts';
import { EMPTY_RDB, freshDirectory } from './directories.ts';

const script = fileURLToPath(new URL('fill-disk.mjs', import.meta.url));
const LIMIT = 64 * 1024;

it('a write that is refused ends the log: nothing is claimed that is not there', async () => {
  const directory = await freshDirectory();
  const command = encodeCommand(['SET', 'key', 'x'.repeat(1000)]);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const { stdout } = await promisify(execFile)('bash', [
    '-c',
    `ulimit -f ${LIMIT / 1024}; exec "$@"`,
    '-',
    process.execPath,
    script,
    directory,
    hex(EMPTY_RDB),
    hex(command),
  ]);
  const { told, written, errors } = JSON.parse(stdout);
  expect(errors[0]).toMatchObject({ code: 'IO', errno: 'EFBIG' });
  // The second append was refused by the log itself, with the first failure.
  expect(errors[1]).toEqual(errors[0]);
  // What was told was whole appends that succeeded; what was written is what the file holds.
  expect(told.written % command.length).toBe(0);
  expect(told.written).toBeLessThanOrEqual(written);
  expect(written).toBe(LIMIT - encodeCommand(['SELECT', '0']).length);
  await using log = await Log.open(directory);
  expect(log.found?.offset).toBe(written);
});
