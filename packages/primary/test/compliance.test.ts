import type { Session } from '@forebay/conformance';
import {
  abilitiesOf,
  installedServers,
  primaryCases,
  Server,
  sessionWith,
} from '@forebay/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Primary } from '../src/index.ts';

const newest = abilitiesOf('valkey', '9.1.0');

/** What our primary answers, and what real ones do: the same dialogues. */
function complies(abilities: typeof newest, start: () => Promise<Session & { close(): unknown }>) {
  let session: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    session = await start();
  });
  afterAll(() => session.close());
  const cases = primaryCases.filter(({ of = () => true }) => of(abilities));
  it.each(cases.map((each) => [each.name, each] as const))('%s', async (_, { run }) => {
    for (const [came, expected] of await run(session)) expect(came).toMatch(expected);
  });
}

describe('our primary', () => {
  complies(newest, async () => {
    const primary = new Primary({ pingPeriod: 0 });
    await primary.listen();
    const session = sessionWith(primary.port, async () => primary.propagate(['SET', 'k', 'v']));
    return {
      ...session,
      close: async () => {
        session.close();
        await primary.close();
      },
    };
  });
});

describe.each(installedServers())('$name', (installed) => {
  complies(installed, async () => {
    const config = { 'repl-diskless-sync': 'yes', 'repl-ping-replica-period': 3600 };
    const server = await Server.start(installed, { config });
    const session = sessionWith(server.port, async () => {
      await server.command('SET', 'k', 'v');
    });
    return {
      ...session,
      close: async () => {
        session.close();
        await server.stop();
      },
    };
  });
});
