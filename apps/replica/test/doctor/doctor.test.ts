import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstalledServer } from '@forebay/conformance';
import {
  freePort,
  installedServer,
  installedServers,
  ScriptedPrimary,
  Server,
  seedDataSet,
} from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { syncsOf } from '../primary.ts';
import { forebay } from '../rdb/run.ts';

const noServer = installedServers().length === 0;

interface Told {
  readonly verdict: string;
  readonly message: string;
  readonly advice: readonly string[];
}

interface Diagnosis {
  readonly code: number | null;
  readonly summary: string;
  readonly notTried: readonly string[];
  /** Of each check what it has come to, by its name. */
  readonly found: Readonly<Record<string, readonly Told[]>>;
  readonly text: string;
}

/** `forebay doctor --json`. */
async function diagnose(url: string, ...flags: string[]): Promise<Diagnosis> {
  const args = ['doctor', url, '--json', '--seconds', '1', ...flags];
  const { code, stdout, stderr } = await forebay(args);
  const text = stdout.toString() + stderr;
  const { checks, exitCode, summary, notTried } = JSON.parse(stdout.toString());
  expect(exitCode).toBe(code);
  const found = Object.fromEntries(
    checks.map(({ name, findings }: { name: string; findings: Told[] }) => [name, findings]),
  );
  return { code, found, text, summary, notTried };
}

/** What is not well, by the check. */
function complaintsOf({ found }: Diagnosis): Record<string, string[]> {
  const some = Object.entries(found).map(([name, told]) => {
    return [name, told.filter(({ verdict }) => verdict !== 'good').map(({ message }) => message)];
  });
  return Object.fromEntries(some.filter(([, messages]) => messages!.length > 0));
}

/** Carries out what was advised, word by word, as a person does who copies the line. */
async function obey(server: Server, told: readonly Told[] = []): Promise<void> {
  for (const line of told.flatMap(({ advice }) => advice)) {
    const words = line.match(/"[^"]*"|\S+/g)!.map((word) => word.replaceAll('"', ''));
    const [name = '', ...rest] = words;
    await server.command(name, ...rest);
  }
}

/** Has a backlog made, and something attached for which there is a stream. */
async function withReplica(primary: Server): Promise<Daemon> {
  const daemon = Daemon.follow(primary, await freshDirectory());
  await daemon.prints(/full copy done/);
  return daemon;
}

/** Writes as much a second, until it is disposed. */
function writing(primary: Server, bytesPerSecond: number): AsyncDisposable {
  const ending = new AbortController();
  const value = 'x'.repeat(bytesPerSecond / 20);
  const ended = (async () => {
    while (!ending.signal.aborted) {
      await primary.command('SET', 'key', value);
      await sleep(50);
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await ended;
    },
  };
}

const SECRET = 'not-to-be-printed';

describe.each(installedServers())('$name', (installed) => {
  it('that is well is found to be, and is asked for no copy', async () => {
    await using primary = await Server.start(installed);
    await using _ = await withReplica(primary);
    const before = await syncsOf(primary);
    const dir = await freshDirectory();
    const diagnosis = await diagnose(primary.url, '--dir', dir);
    expect(complaintsOf(diagnosis)).toEqual({});
    expect(diagnosis.code).toBe(0);
    expect(diagnosis.summary).toBe(
      'the primary can be followed, no changes needed; not tried: a full resync',
    );
    expect(diagnosis.found.psync?.[0]?.message).toMatch(
      /^partial resync: continues at \w{40}:\d+$/,
    );
    expect(diagnosis.found.version?.[0]?.message).toBe(`${installed.flavour} ${installed.version}`);
    expect(await syncsOf(primary)).toEqual({ ...before, partial: before.partial + 1 });
    await expect.poll(async () => (await primary.info('replication')).connected_slaves).toBe('1');
  });

  it('that never had a replica is not made to fork, unless that is asked for', async () => {
    await using primary = await Server.start(installed);
    const cheap = await diagnose(primary.url);
    expect(complaintsOf(cheap)).toEqual({ psync: [expect.stringMatching(/not tried: it has no/)] });
    expect(cheap.code).toBe(0);
    expect(cheap.summary).toBe(
      'no errors in the checks that were run, no changes needed; not tried: psync',
    );
    const forks = async () => {
      const { total_forks = '0' } = await primary.info('stats');
      return [(await syncsOf(primary)).full, Number(total_forks) > 0];
    };
    expect(await forks()).toEqual([0, false]);
    const full = await diagnose(primary.url, '--full');
    expect(complaintsOf(full)).toEqual({});
    expect(full.summary).toBe('the primary can be followed, no changes needed');
    expect((await syncsOf(primary)).full).toBe(1);
  });

  it('with another password: 77, and neither is printed', async () => {
    await using primary = await Server.start(installed, { config: { requirepass: SECRET } });
    const { host, port } = primary;
    const wrong = await diagnose(`redis://:wr0ng-secret@${host}:${port}`);
    expect(wrong.code).toBe(77);
    expect(wrong.found.auth?.[0]?.message).toMatch(/refuses the password of user default/);
    expect(wrong.found.role?.[0]?.message).toBe('not tried: see auth');
    const none = await diagnose(`redis://${host}:${port}`);
    expect(none.code).toBe(77);
    expect(none.found.auth?.[0]?.advice).toEqual([expect.stringContaining('FOREBAY_MASTERAUTH')]);
    const right = await diagnose(`redis://:${SECRET}@${host}:${port}`);
    expect(right.code).toBe(0);
    expect(wrong.text + none.text + right.text).not.toMatch(/wr0ng-secret|not-to-be-printed/);
  });

  it('with a user who lacks rights: each is named, and granting what is advised is enough', async () => {
    await using primary = await Server.start(installed);
    await using _ = await withReplica(primary);
    await primary.command('ACL', 'SETUSER', 'ann', 'on', `>${SECRET}`, '-@all');
    const url = `redis://ann:${SECRET}@${primary.host}:${primary.port}`;
    const lacking = await diagnose(url);
    expect(lacking.code).toBe(77);
    expect(lacking.found['psync right']?.[0]).toMatchObject({
      ...{ verdict: 'bad', advice: ['ACL SETUSER ann +psync'] },
    });
    for (const name of ['psync right', 'replconf', 'info'])
      await obey(primary, lacking.found[name]);
    const granted = await diagnose(url);
    expect(granted.code).toBe(0);
    expect(complaintsOf(granted)).toMatchObject({
      settings: ['its settings cannot be asked for: user ann may not'],
      timeouts: ['not tried: see settings'],
    });
    expect(granted.found.psync?.[0]?.verdict).toBe('good');
    const [, right = ''] = /\+(config\|get)$/.exec(granted.found.settings![0]!.advice[0]!) ?? [];
    await primary.command('ACL', 'SETUSER', 'ann', `+${right}`);
    expect(complaintsOf(await diagnose(url))).toEqual({});
    expect(lacking.text + granted.text).not.toContain(SECRET);
  });

  it('with too little of backlog and buffer under a load: what is advised is enough', async () => {
    await using primary = await Server.start(installed, {
      config: { 'repl-backlog-size': '16kb' },
    });
    await using _ = await withReplica(primary);
    await primary.command('CONFIG', 'SET', 'client-output-buffer-limit', 'replica 1024 512 0');
    await using load = writing(primary, 400_000);
    // Long enough that a stall makes the rate no other one.
    const small = await diagnose(primary.url, '--seconds', '3');
    expect(small.code).toBe(0);
    const { backlog, 'output buffer': buffer, 'write rate': rate } = small.found;
    expect(rate?.[0]?.message).toMatch(/^\d+ KiB\/s over \d+\.\d s/);
    expect(backlog?.[0]?.message).toMatch(/^16\.0 KiB last for 0\.\d s/);
    expect(backlog?.[0]?.advice).toEqual([
      expect.stringMatching(/^CONFIG SET repl-backlog-size (32|64)mb$/),
    ]);
    expect(buffer?.[0]?.message).toMatch(/copies would begin anew for ever/);
    await obey(primary, backlog);
    await obey(primary, buffer);
    const enough = await diagnose(primary.url);
    expect(complaintsOf(enough)).toEqual({});
    await load[Symbol.asyncDispose]();
  });

  it('over TLS: an authority that is not known, 78, and one that is', async () => {
    await using primary = await Server.start(installed, { tls: true });
    const { ca, clientCert, clientKey } = primary.certificates!;
    const url = `rediss://localhost:${primary.tlsPort}`;
    const unknown = await diagnose(url);
    expect(unknown.code).toBe(78);
    expect(unknown.found.reach?.[0]?.verdict).toBe('good');
    expect(unknown.found.tls?.[0]?.message).toMatch(/no secure link .*certificate/);
    expect(unknown.found.tls?.[0]?.advice).toEqual([expect.stringMatching(/^--cacert /)]);
    await primary.command('CONFIG', 'SET', 'tls-auth-clients', 'yes');
    const anonymous = await diagnose(url, '--cacert', ca);
    expect(anonymous.code).toBe(78);
    expect(anonymous.found.ping?.[0]?.advice).toEqual([expect.stringMatching(/^--cert /)]);
    const misnamed = await diagnose(url, '--cacert', ca, '--sni', 'another');
    expect(misnamed.found.tls?.[0]?.advice).toEqual([expect.stringMatching(/^--sni /)]);
    const files = ['--cacert', ca, '--cert', clientCert, '--key', clientKey];
    const known = await diagnose(url, ...files);
    expect(known.code).toBe(0);
    // The certificate of the test is valid for two days.
    expect(known.found.tls).toEqual([
      expect.objectContaining({
        verdict: 'warning',
        message: expect.stringMatching(/the certificate holds, until \d{4}-\d\d-\d\d, in/),
        advice: [expect.stringMatching(/^there: another certificate before \d{4}-/)],
      }),
    ]);
  });

  it('that is a replica: whom it follows, and whether it can', async () => {
    await using primary = await Server.start(installed);
    const { host, port } = primary;
    await using replica = await Server.start(installed, {
      config: { replicaof: `${host} ${port}` },
    });
    const linked = async () => (await replica.info('replication')).master_link_status;
    await expect.poll(linked, { timeout: 30_000 }).toBe('up');
    const above = await diagnose(replica.url);
    expect(above.code).toBe(0);
    expect(above.found.role).toEqual([
      expect.objectContaining({
        verdict: 'warning',
        message: expect.stringMatching(`it is a replica of ${host}:${port}`),
        advice: [`--replicaof ${host} ${port} follows the primary itself`],
      }),
    ]);
    expect(above.found.psync?.[0]?.verdict).toBe('good');
    await primary.stop();
    await expect.poll(linked).toBe('down');
    const lost = await diagnose(replica.url);
    expect(lost.code).toBe(69);
    expect(lost.found.role?.[0]?.message).toMatch(/without a link to it/);
  });
});

describe('what answers', () => {
  const some = (): InstalledServer => installedServer('redis-7.0');

  it('nobody: 69, in few lines', async () => {
    const port = await freePort();
    const { code, stdout } = await forebay(['doctor', `redis://127.0.0.1:${port}`]);
    expect(code).toBe(69);
    const [first, second, ...rest] = stdout.toString().split('\n');
    expect(first).toMatch(/^✗ reach +127.0.0.1:\d+ cannot be reached: ECONNREFUSED$/);
    expect(second).toMatch(/^– not tried, for reach is in the way: tls, ping, .*protected mode$/);
    expect(rest).toEqual([
      '',
      expect.stringMatching(/^the primary cannot be followed \(errors: 1, /),
      '',
    ]);
  });

  it('a server of another kind', async () => {
    const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, found } = await diagnose(`redis://127.0.0.1:${port}`);
    server.close();
    expect(code).toBe(1);
    expect(found.ping?.[0]?.message).toMatch(/is no Redis or Valkey/);
  });

  it.skipIf(noServer)('one that loads: 69', async () => {
    await using first = await Server.start(some());
    await seedDataSet(first.client, { megabytes: 2, valueBytes: 100 });
    await first.command('SAVE');
    const config = { 'key-load-delay': 500, 'loading-process-events-interval-bytes': 1024 };
    const { directory } = first;
    await using loading = await Server.start(some(), { directory, config, waitUntilLoaded: false });
    const { code, found } = await diagnose(loading.url);
    expect(code).toBe(69);
    expect(found.ping?.[0]?.message).toMatch(/it reads its data set: LOADING/);
    await loading.command('CONFIG', 'SET', 'key-load-delay', 0);
  });

  it.skipIf(noServer)(
    'one without PSYNC, with a wish for replicas, and a timeout of ours that is too short: 78',
    async () => {
      await using primary = await Server.start(some(), {
        config: { 'rename-command': 'PSYNC ""' },
      });
      await primary.command('CONFIG', 'SET', 'min-replicas-to-write', 1, 'repl-timeout', 15);
      const { code, found } = await diagnose(primary.url, '--repl-timeout', '10');
      expect(code).toBe(78);
      expect(found['psync right']?.[0]).toMatchObject({
        ...{ verdict: 'warning', message: expect.stringMatching(/each lost link costs/) },
      });
      expect(found.timeouts).toEqual([
        expect.objectContaining({ verdict: 'bad', advice: ['--repl-timeout 30'] }),
        expect.objectContaining({ verdict: 'warning', advice: ['CONFIG SET repl-timeout 60'] }),
      ]);
      expect(found['min-replicas']?.[0]?.advice).toEqual(['CONFIG SET min-replicas-to-write 2']);
    },
  );

  it.skipIf(noServer).each<[string, readonly string[], number, string, RegExp]>([
    ['neither PSYNC nor SYNC', ['PSYNC ""', 'SYNC ""'], 78, 'bad', /neither PSYNC nor SYNC/],
    ['SYNC alone', ['PSYNC ""'], 0, 'warning', /^SYNC is allowed, but there is no PSYNC/],
  ])(
    'one with %s is not approved beyond what was tried',
    async (_, renamed, code, verdict, says) => {
      await using primary = await Server.start(some(), { config: { 'rename-command': renamed } });
      const diagnosis = await diagnose(primary.url);
      expect(diagnosis.code).toBe(code);
      expect(diagnosis.found['psync right']?.[0]).toMatchObject({
        ...{ verdict, message: expect.stringMatching(says) },
      });
      expect(diagnosis.found.psync?.[0]?.message).toBe('not tried: see psync right');
      expect(diagnosis.summary).not.toMatch(/the primary can be followed/);
      expect((await syncsOf(primary)).full).toBe(0);
    },
  );

  it.skipIf(noServer)(
    'a server without PSYNC and a user without SYNC: 77, and the advised grant is enough',
    async () => {
      await using primary = await Server.start(some(), {
        config: { 'rename-command': 'PSYNC ""' },
      });
      await primary.command('ACL', 'SETUSER', 'ann', 'on', `>${SECRET}`, '-@all');
      const url = `redis://ann:${SECRET}@${primary.host}:${primary.port}`;
      const lacking = await diagnose(url);
      expect(lacking.code).toBe(77);
      await obey(primary, lacking.found['psync right']);
      expect((await diagnose(url)).found['psync right']?.[0]?.verdict).toBe('warning');
    },
  );

  it('a server without INFO fields and CONFIG: checks are reported as not tried, and nothing is claimed', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      for (;;) {
        const [name = '', ...rest] = await peer.command();
        if (name === 'PING') await peer.send('+PONG\r\n');
        else if (name === 'INFO') await peer.send('$8\r\n# Empty\n\r\n');
        else if (name === 'CONFIG') await peer.send('*0\r\n');
        else if (name === 'REPLCONF') await peer.send('+OK\r\n');
        else await peer.send(`-ERR unknown command '${name}' ${rest.length}\r\n`);
      }
    });
    const { code, found, summary, notTried } = await diagnose(primary.url);
    expect(code).toBe(78);
    expect(found['psync right']?.[0]?.message).toMatch(/neither PSYNC nor SYNC/);
    expect(found.role?.[0]?.message).toBe('not tried: INFO has no role');
    expect(found.version?.[0]?.message).toBe('not tried: INFO has no redis_version');
    expect(found['min-replicas']?.[0]?.message).toMatch(/^not tried: CONFIG GET does not return/);
    expect(summary).toMatch(/^the primary cannot be followed \(errors: 1, warnings: 0, /);
    expect(notTried).toEqual([
      ...['role', 'psync', 'write rate', 'backlog', 'output buffer', 'timeouts', 'version'],
      ...['snapshots', 'memory', 'min-replicas', 'protected mode'],
    ]);
  });

  it.skipIf(noServer)(
    'one whose CONFIG was renamed, as where others run it: what depends on it is not known',
    async () => {
      await using primary = await Server.start(some(), {
        config: { 'rename-command': 'CONFIG ""' },
      });
      const { code, found } = await diagnose(primary.url);
      expect(code).toBe(0);
      expect(found.settings?.[0]?.message).toMatch(/cannot be asked for: ERR unknown command/);
      expect(found['output buffer']?.[0]?.message).toBe('not tried: see settings');
      expect(found.backlog?.[0]?.verdict).toBe('good');
    },
  );

  it.skipIf(noServer)('and a directory that cannot be: 74', async () => {
    await using primary = await Server.start(some());
    const { code, found } = await diagnose(primary.url, '--dir', '/dev/null/data');
    expect(code).toBe(74);
    expect(found.directory?.[0]?.message).toMatch(/cannot be written to: ENOTDIR/);
    expect(found.fsync?.[0]?.message).toBe('not tried: see directory');
  });

  it.skipIf(noServer)(
    'a port without TLS is recognised when TLS is asked for: 78, and which port to take',
    async () => {
      await using primary = await Server.start(some());
      const { code, found } = await diagnose(`rediss://${primary.host}:${primary.port}`);
      expect(code).toBe(78);
      expect(found.tls?.[0]?.message).toMatch(/does not speak TLS/);
      expect(found.tls?.[0]?.advice).toEqual([expect.stringMatching(/tls-port/)]);
    },
  );

  it.skipIf(noServer)(
    'a TLS port is recognised when TLS is not asked for: 78, and the setting to change',
    async () => {
      await using primary = await Server.start(some(), { tls: true });
      const { code, found } = await diagnose(`redis://${primary.host}:${primary.tlsPort}`);
      expect(code).toBe(78);
      expect(found.ping?.[0]?.message).toMatch(/expects TLS/);
      expect(found.ping?.[0]?.advice).toEqual(['use rediss://, or --tls']);
    },
  );

  it.skipIf(noServer)('a forebay, which is a replica: it is asked for no copy either', async () => {
    await using primary = await Server.start(some());
    const daemon = Daemon.follow(primary, await freshDirectory(), '--port', 'any');
    await daemon.prints(/full copy done/);
    const [, port] = /replicas are served at 127\.0\.0\.1:(\d+)/.exec(daemon.printed) ?? [];
    const diagnosis = await diagnose(`redis://127.0.0.1:${port}`);
    const { role, ...others } = complaintsOf(diagnosis);
    expect(role).toEqual([expect.stringMatching(/is a replica of/)]);
    for (const [message] of Object.values(others))
      expect(message).toMatch(/^not tried: CONFIG GET does not return/);
    expect(diagnosis.code).toBe(0);
    expect(diagnosis.found.version?.[0]?.message).toMatch(/^forebay \d/);
    expect(diagnosis.found.psync?.[0]?.message).toMatch(/^partial resync: continues at/);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).not.toMatch(/gets a full copy/);
  });

  it('usage: 64', async () => {
    const url = 'redis://127.0.0.1:1';
    for (const args of [[], ['127.0.0.1'], [url, '--seconds', '0'], [url, '--sni', 'x']]) {
      expect((await forebay(['doctor', ...args])).code).toBe(64);
    }
  });
});
