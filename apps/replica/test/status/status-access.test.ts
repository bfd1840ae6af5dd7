import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, makeCertificates } from '@forebay/conformance';
import { expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { forebay } from '../rdb/run.ts';

const PASSWORD = 'p@ss:word/é';

async function status(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    const { code, stdout, stderr } = await forebay(['status', ...args]);
    return { code, text: stdout.toString(), stderr };
  } finally {
    process.env = before;
  }
}

it('status asks a daemon over HTTPS with the password of the URL or of the environment', async () => {
  const directory = await freshDirectory();
  await mkdir(directory);
  const { ca, serverCert, serverKey } = await makeCertificates(directory);
  const file = join(directory, 'password');
  await writeFile(file, `${PASSWORD}\n`);
  const tls = ['--http-tls-cert-file', serverCert, '--http-tls-key-file', serverKey];
  const primary = ['--replicaof', '127.0.0.1', String(await freePort())];
  const served = ['--http', '127.0.0.1:0', ...tls, '--dir', join(directory, 'data')];
  const daemon = Daemon.start(['replica', ...primary, ...served], {
    env: { FOREBAY_HTTP_PASSWORD_FILE: file },
  });
  await daemon.prints(/served at https:\/\/127\.0\.0\.1:\d+\//);
  const [, port] = /served at https:\/\/127\.0\.0\.1:(\d+)/.exec(daemon.printed) ?? [];
  const at = (credentials: string) => `https://${credentials}127.0.0.1:${port}`;
  // It follows nobody yet: not well, and told.
  const told = { code: 1, text: expect.stringMatching(/health +not ready: /), stderr: '' };
  const url = at(`:${encodeURIComponent(PASSWORD)}@`);
  expect(await status(['--http', url, '--cacert', ca])).toMatchObject(told);
  for (const env of [{ FOREBAY_HTTP_PASSWORD: PASSWORD }, { FOREBAY_HTTP_PASSWORD_FILE: file }]) {
    expect(await status(['--http', at(''), '--cacert', ca], env)).toMatchObject(told);
  }
  expect(await status(['--http', at(':wrong@'), '--cacert', ca])).toMatchObject({
    ...{ code: 77, stderr: expect.stringMatching(/answers 401/) },
  });
  expect(await status(['--http', url])).toMatchObject({
    ...{ code: 78, stderr: expect.stringMatching(/give the CA certificate with --cacert/) },
  });
  expect(await status(['--http', `127.0.0.1:${port}`])).toMatchObject({
    ...{ code: 78, stderr: expect.stringMatching(/may expect HTTPS/) },
  });
  expect(await daemon.stop()).toBe(0);
});
