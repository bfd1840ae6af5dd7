import type { InstalledServer } from '@forebay/conformance';
import { mixedLoad } from '@forebay/conformance';
import type { Random } from '@forebay/testkit';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { holdStill } from '../primary.ts';
import { expectRestoresEqual } from '../torture/equal.ts';
import { expectEqual, threeServers } from './chain.ts';
import type { Node } from './nodes.ts';
import { DaemonNode, ServerNode } from './nodes.ts';

const LAYOUTS = 5;
const KILLS = 6;

/** Three servers and two daemons, one tree to begin with. */
async function fiveNodes(installed: InstalledServer) {
  const servers = await Promise.all([1, 2, 3].map(() => ServerNode.start(installed)));
  const [top] = servers as [ServerNode];
  await top.server.command('SET', 'first', '1');
  const upper = await DaemonNode.start(top.port);
  const lower = await DaemonNode.start(upper.port);
  for (const server of servers.slice(1)) await server.follow(lower.port);
  return { servers, daemons: [upper, lower] };
}

async function expectAllAt(top: ServerNode, nodes: readonly Node[], where: string): Promise<void> {
  const apart = async () => {
    const place = await top.place();
    const places = await Promise.all(nodes.map((node) => node.place()));
    return places.filter((each) => each !== place);
  };
  await expect.poll(apart, { timeout: 30_000, interval: 50, message: where }).toEqual([]);
}

/** What a server says of links and copies: it is not to be read in a whole log, where it is needed. */
function syncLines(log: string): string {
  return log
    .split('\n')
    .filter((line) => /sync|master|replica|primary/i.test(line))
    .join('\n');
}

/**
 * Makes another tree: whoever is placed follows one that is placed already, and has heard of the new id.
 * One that has not, while its own link stands, gives a copy to who has: servers do so too.
 */
async function layOutAnew(random: Random, servers: ServerNode[], daemons: Node[], where: string) {
  const top = random.pick(servers);
  await top.server.command('REPLICAOF', 'NO', 'ONE');
  const placed: Node[] = [top];
  const waiting: Node[] = [...servers.filter((each) => each !== top), ...daemons];
  while (waiting.length > 0) {
    const [node] = waiting.splice(random.integer(0, waiting.length - 1), 1) as [Node];
    const parent = random.pick(placed);
    await expectAllAt(top, [parent], where);
    await node.follow(parent.port);
    placed.push(node);
  }
  return top;
}

describe.each(threeServers())('five nodes of $name, two of which are daemons,', (installed) => {
  it('laid out anew and cut at random: the copies of the beginning stay the only ones', async () => {
    const { servers, daemons } = await fiveNodes(installed);
    const nodes = [...servers, ...daemons];
    const random = randomFrom(runSeed());
    const where = `FOREBAY_SEED=${random.seed}`;
    let [top] = servers as [ServerNode];
    await expectAllAt(top, nodes, where);
    for (let layout = 0; layout < LAYOUTS; layout++) {
      top = await layOutAnew(random, servers, daemons, where);
      const options = { rate: 800, absoluteTimes: true, seed: random.integer(0, 2 ** 31) };
      const load = mixedLoad(top.server.client, options).start();
      for (let kills = 0; kills < KILLS; kills++) {
        const { commands } = load;
        await expect.poll(() => load.commands, { message: where }).toBeGreaterThan(commands + 20);
        await random.pick(nodes).cut();
      }
      await load.stop();
      // What expires later would be a write that nobody awaits.
      await holdStill(top.server);
      await expectAllAt(top, nodes, where);
    }
    for (const { server } of servers)
      if (server !== top.server) await expectEqual(top.server, server);
    for (const { directory } of daemons) {
      await holdStill(top.server);
      await expectAllAt(top, nodes, where);
      const { master_repl_offset } = await top.server.info('replication');
      await expectRestoresEqual(top.server, directory, Number(master_repl_offset));
    }
    const copies = await Promise.all(nodes.map((node) => node.copies()));
    const said = [
      ...daemons.map(({ daemon }) => daemon.printed),
      ...servers.map(({ server }) => `${server.port}:\n${syncLines(server.log())}`),
    ].join('\n');
    expect(
      copies.reduce((sum, each) => sum + each),
      `${where}\n${copies}\n${said}`,
    ).toBe(nodes.length - 1);
  });

  it('a daemon whose link is down sends away who is under an id that it will have, and keeps it from a copy', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => ServerNode.start(installed)));
    const [top, next, middle] = servers as [ServerNode, ServerNode, ServerNode];
    for (const server of [next, middle]) await server.follow(top.port);
    await top.server.command('SET', 'first', '1');
    const daemon = await DaemonNode.start(middle.port);
    await expectAllAt(top, [next, middle, daemon], 'at first');

    await middle.server.kill();
    await daemon.daemon.prints(/trying again/);
    await next.server.command('REPLICAOF', 'NO', 'ONE');
    await top.follow(next.port);
    await expectAllAt(next, [top], 'promoted');
    await top.follow(daemon.port);
    await top.server.waitForLog(/NOMASTERLINK/);
    await daemon.follow(next.port);
    await expectAllAt(next, [daemon, top], 'in the end');
    await next.server.command('SET', 'after', '1');
    await expectEqual(next.server, top.server);
    expect(await daemon.copies()).toBe(0);
  });
});
