// What npm start shows: a replica attached to a real server under load, its link cut once.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { installedServers, mixedLoad, Server } from '../packages/conformance/dist/index.js';
import { Primary } from '../packages/primary/dist/index.js';
import { root } from './setup.mjs';

const say = (text) => console.log(`\n${styleText('bold', text)}`);
const show = (name, value) =>
  console.log(`  ${name.padEnd(46)} ${styleText('green', String(value))}`);

const bin = join(root, 'apps/replica/bin/forebay.js');
const home = await mkdtemp(join(tmpdir(), 'forebay-demo-'));
const directory = join(home, 'data');
const installed = installedServers().at(-1);
let primary;
try {
  if (installed === undefined) await demonstrateWithout();
  else await demonstrate();
} finally {
  await rm(home, { recursive: true, force: true });
}
showOwnPrimary();

/** Where no server can be had: the primary that is made for tests, which holds no data of its own. */
async function demonstrateWithout() {
  say(
    'No server could be had here, neither from Debian nor on PATH: a primary in memory stands in',
  );
  primary = new Primary();
  await primary.listen();
  try {
    const replica = start('127.0.0.1', primary.port);
    await replica.prints('full copy done');
    for (let i = 0; i < 10_000; i++) primary.propagate(['SET', `key:${i}`, 'value']);
    show('replicas that have all of it:', await primary.wait(1, 10_000));
    primary.drop(primary.replicas[0].id);
    await replica.prints('partial resync');
    replica.child.kill('SIGTERM');
    await replica.ended;
    await forebay('log', directory);
  } finally {
    await primary.close();
  }
}

async function demonstrate() {
  primary = await Server.start(installed);
  try {
    await demonstrateOnServer();
  } finally {
    await primary.stop();
  }
}

async function demonstrateOnServer() {
  say(`1. ${installed.flavour} ${installed.version} runs on port ${primary.port}, under a load`);
  await primary.command('DEBUG', 'POPULATE', 100_000, 'key', 200);
  const load = mixedLoad(primary.client, { rate: 2000 }).start();

  say('2. forebay attaches: a full copy, then the stream');
  const replica = start(primary.host, primary.port);
  await replica.prints('full copy done');
  await sent(load, 3000);
  await load.pause();
  await settled();
  await compare();
  load.start();
  await sent(load, 500);

  say('3. the link is cut in the middle of writes: it goes on where it was');
  await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
  await replica.prints('partial resync');
  await sent(load, 3000);
  await load.stop();
  await settled();
  await compare();

  say('4. a real server replicates from forebay, and asks the primary for nothing');
  const [, port] = await replica.prints(/replicas are served at 127\.0\.0\.1:(\d+)/);
  const below = await Server.start(installed, { config: { replicaof: `127.0.0.1 ${port}` } });
  try {
    await reached(below);
    show('keys without expiry in the primary:', await keysOf(primary));
    show('and in the replica of forebay:', await keysOf(below));
    show('full syncs that the primary counts:', (await primary.info('stats')).sync_full);
  } finally {
    await below.stop();
  }

  say('5. it is killed; all that it held is there, and what a server boots from can be written');
  replica.child.kill('SIGKILL');
  await replica.ended;
  const out = join(home, 'copy');
  await forebay('log', directory);
  await forebay('restore', directory, '--out', out);
  const copy = await Server.start(installed, { directory: out, config: { appendonly: 'yes' } });
  try {
    show('keys without expiry in the primary:', await keysOf(primary));
    show('and in a server booted from the copy:', await keysOf(copy));
  } finally {
    await copy.stop();
  }
}

/** Runs a command that reads the log, as a person does. */
async function forebay(...args) {
  console.log(styleText('dim', `  $ forebay ${args.join(' ')}`));
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text.replaceAll(/^(?=.)/gm, '  '));
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`forebay ${args[0]} ended with ${code}`);
}

/** Its keys in all databases, without those whose time may come meanwhile. */
async function keysOf(server) {
  let count = 0;
  for (const value of Object.values(await server.info('keyspace'))) {
    const [, keys = 0, expires = 0] = /keys=(\d+),expires=(\d+)/.exec(value) ?? [];
    count += keys - expires;
  }
  return count;
}

/** The replica as a person starts it; what it prints goes to the terminal as it comes. */
function start(host, port) {
  const args = ['replica', '--replicaof', host, String(port), '--dir', directory, '--port', 'any'];
  console.log(styleText('dim', `  $ forebay ${args.join(' ')}`));
  const child = spawn(process.execPath, [bin, ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, FOREBAY_LOG_FORMAT: 'pretty' },
  });
  let printed = '';
  const waiting = new Set();
  child.stderr.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text.replaceAll(/^/gm, '  ').replace(/ {2}$/, ''));
    printed += text;
    for (const check of waiting) check();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const prints = (text) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const found = printed.match(text);
        if (found !== null) resolve(found);
      };
      waiting.add(check);
      check();
      ended.then(() => reject(new Error(`it ended before it printed "${text}"`)));
    });
  return { child, prints, ended };
}

/** Waits until the load has sent so many commands more. */
async function sent(load, more) {
  const until = load.commands + more;
  while (load.commands < until) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Waits until the primary has everything acknowledged. */
async function settled() {
  for (let tries = 0; tries < 100; tries++) {
    const { master_repl_offset, slave0 } = await primary.info('replication');
    if (slave0?.includes(`offset=${master_repl_offset},`)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until a server has all that the primary has. */
async function reached(server) {
  const { master_repl_offset } = await primary.info('replication');
  for (let tries = 0; tries < 200; tries++) {
    const { slave_repl_offset } = await server.info('replication');
    if (Number(slave_repl_offset) >= Number(master_repl_offset)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function compare() {
  const { master_repl_offset, slave0 } = await primary.info('replication');
  const { sync_full, sync_partial_ok } = await primary.info('stats');
  show('the primary counts full and partial syncs:', `${sync_full} and ${sync_partial_ok}`);
  show('its own offset (master_repl_offset):', master_repl_offset);
  show(
    'what forebay has acknowledged (slave0):',
    /offset=(\d+)/.exec(slave0 ?? '')?.[1] ?? 'nothing',
  );
}

function showOwnPrimary() {
  say('With a primary of your own:');
  console.log('  node apps/replica/bin/forebay.js replica --replicaof HOST PORT --dir DIR');
  console.log('  (--masteruser, FOREBAY_MASTERAUTH, --tls, --cacert; --help has all)\n');
}
