/**
 * Puts prebuilt servers under `.servers/`, each with the libraries it needs: no root, and no change
 * to the system. `node scripts/servers.mjs [name…]`; without names, all of them.
 *
 * Where the machine is a Debian, the packages come from the archive its own apt is set up with, one
 * suite a version, and each binary is started through its own suite's dynamic loader. Elsewhere the
 * servers on PATH are used. `servers.json` in the same folder says what there is and how it starts, and
 * `tools.json` the same of programs that tests run beside them.
 *
 * A second run finds everything in place and only asks each binary its version; one that was
 * interrupted is repaired, for a server is unpacked beside its place and renamed into it.
 *
 * Environment: FOREBAY_SERVERS names another folder to use instead of `.servers/`. With CI=true the
 * exit code is 1 when a server that the archive offers does not start, and when fewer than five do.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { archive, openSuites, reasonOf, retried } from './apt.mjs';

const FOLDER = process.env.FOREBAY_SERVERS
  ? resolve(process.env.FOREBAY_SERVERS)
  : resolve(dirname(fileURLToPath(import.meta.url)), '..', '.servers');
const IN_CI = process.env.CI === 'true';
/** With CI=true fewer than this many servers are a failure: suites move on, and one may be gone. */
const FEWEST_IN_CI = 5;

/** Packages are named, never their patch versions: a suite gives the one it has today. */
const SERVERS = [
  {
    name: 'redis-6.0',
    flavour: 'redis',
    suite: 'bullseye',
    packages: ['redis-server', 'redis-tools'],
  },
  {
    name: 'redis-7.0',
    flavour: 'redis',
    suite: 'bookworm',
    packages: ['redis-server', 'redis-tools'],
  },
  {
    name: 'redis-8.0',
    flavour: 'redis',
    suite: 'trixie',
    packages: ['redis-server', 'redis-tools'],
  },
  {
    name: 'redict-7.3',
    flavour: 'redict',
    suite: 'bookworm',
    packages: ['redict-server', 'redict-tools'],
  },
  {
    name: 'valkey-8.0',
    flavour: 'valkey',
    suite: 'bookworm',
    packages: ['valkey-server', 'valkey-tools'],
  },
  {
    name: 'valkey-8.1',
    flavour: 'valkey',
    suite: 'trixie',
    packages: ['valkey-server', 'valkey-tools'],
  },
  {
    name: 'valkey-9.1',
    flavour: 'valkey',
    suite: 'sid',
    packages: ['valkey-server', 'valkey-tools'],
  },
];

/** What is run beside them in tests: programs of other people that ask a server. */
const TOOLS = [
  {
    name: 'redis-exporter',
    program: 'prometheus-redis-exporter',
    suite: 'bookworm',
    packages: ['prometheus-redis-exporter'],
  },
];
const EVERYTHING = [...SERVERS, ...TOOLS];

/** Suites that are read together with one: what it lacks comes from there. */
const ALSO = { bookworm: ['bookworm-backports'] };

/** Packages that hold libraries a server may load; the rest is for an init system or a person. */
const LIBRARY = /^(lib|lua-|zlib)/;
/** Large ones that only the dependencies of the service files bring in. */
const UNUSED_LIBRARY = /^lib(c-|systemd-shared|perl|db5|cryptsetup|selinux|pcre|mount|blkid)/;

const run = promisify(execFile);
const say = (text) => process.stderr.write(`${text}\n`);
process.exitCode = await main(process.argv.slice(2));

async function main(asked) {
  const unknown = asked.filter((name) => !EVERYTHING.some((one) => one.name === name));
  if (unknown.length > 0) {
    say(
      `no such server: ${unknown.join(', ')}; there are ${EVERYTHING.map((s) => s.name).join(', ')}`,
    );
    return 64;
  }
  const started = Date.now();
  await mkdir(FOLDER, { recursive: true });
  await removeInterrupted();
  const wanted = EVERYTHING.filter(({ name }) => asked.length === 0 || asked.includes(name));
  const entries = new Map(
    await Promise.all(EVERYTHING.map(async (one) => [one.name, await inPlace(one)])),
  );
  const missing = wanted.filter(({ name }) => entries.get(name) === undefined);
  if (missing.length > 0) {
    const repository = await archive();
    if (repository === undefined) {
      say("no archive of Debian in this machine's apt: looking for servers on PATH");
      for (const entry of await onPath(missing)) entries.set(entry.name, entry);
    } else {
      for (const entry of await fetchAll(missing, repository)) entries.set(entry.name, entry);
    }
  }
  const isTool = ({ name }) => TOOLS.some((tool) => tool.name === name);
  const found = [...entries.values()].filter((entry) => entry !== undefined);
  const listed = found.filter((entry) => !isTool(entry));
  const tools = found.filter(isTool);
  await replaceFile(join(FOLDER, 'servers.json'), `${JSON.stringify(listed, null, 2)}\n`);
  await replaceFile(join(FOLDER, 'tools.json'), `${JSON.stringify(tools, null, 2)}\n`);
  for (const { name, unavailable: reason } of tools) {
    if (reason !== undefined) say(`${name}: not covered: ${reason}`);
  }
  return summary(listed, asked.length > 0, started);
}

/** Says what there is and what is not covered. Returns the exit code. */
function summary(listed, partial, started) {
  const usable = listed.filter((entry) => entry.unavailable === undefined);
  for (const entry of listed) {
    if (entry.unavailable !== undefined) say(`${entry.name}: not covered: ${entry.unavailable}`);
    else if (!`${entry.flavour}-${entry.version}`.startsWith(`${entry.name}.`)) {
      say(`${entry.name}: what was found is ${entry.version}`);
    }
  }
  const versions = usable.map((entry) => `${entry.flavour} ${entry.version}`).join(', ');
  say(`${usable.length} servers in ${((Date.now() - started) / 1000).toFixed(1)} s: ${versions}`);
  const broken = listed.some((entry) => entry.broken);
  const few = !partial && usable.length < FEWEST_IN_CI;
  if (IN_CI && few) say(`fewer than ${FEWEST_IN_CI} servers are a failure with CI=true`);
  return IN_CI && (broken || few) ? 1 : 0;
}

/** Removes what runs left half built that are no more; another run may be building right now. */
async function removeInterrupted() {
  for (const name of await readdir(FOLDER)) {
    const pid = /^\.building-.*-(\d+)$/.exec(name)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch {
      await rm(join(FOLDER, name), { recursive: true, force: true });
    }
  }
}

/** The entry of a server that was unpacked before, or undefined where it is not there or not whole. */
async function inPlace(server) {
  const folder = join(FOLDER, server.name);
  if (!existsSync(folder)) return undefined;
  try {
    return await describe(server, await launcher(join(folder, 'root')));
  } catch (error) {
    say(`${server.name}: what is there does not start (${reasonOf(error)}), it is fetched again`);
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}

/** The entry of a server or a tool, with the version that the binary itself tells. */
async function describe({ name, flavour, program }, commandFor) {
  if (program !== undefined) return describeTool(name, commandFor(program));
  const server = commandFor(`${flavour}-server`);
  const { stdout } = await run(server[0], [...server.slice(1), '--version'], { timeout: 20_000 });
  const version = / v=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`--version is not understood: ${stdout.trim()}`);
  return {
    name,
    flavour,
    version,
    server,
    cli: commandFor(`${flavour}-cli`),
    checkRdb: commandFor(`${flavour}-check-rdb`),
    benchmark: commandFor(`${flavour}-benchmark`),
    sentinel: [...server, '--sentinel'],
  };
}

async function describeTool(name, command) {
  const { stdout, stderr } = await run(command[0], [...command.slice(1), '--version'], {
    timeout: 20_000,
  });
  const version = /\bv?(\d+\.\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1];
  if (version === undefined) throw new Error(`--version is not understood: ${stdout.trim()}`);
  return { name, version, command };
}

/** How programs of an unpacked tree are started: through its own loader, with its own libraries. */
async function launcher(root) {
  const libraries = [];
  let loader;
  for (const top of ['lib', 'lib64', 'usr/lib', 'usr/lib64']) {
    const folder = join(root, top);
    const below = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const triplets = below.filter((e) => e.isDirectory() && e.name.endsWith('-linux-gnu'));
    for (const path of [folder, ...triplets.map((e) => join(folder, e.name))]) {
      const files = await readdir(path).catch(() => []);
      const found = files.find((file) => /^ld(-linux.*|64)\.so\.\d+$/.test(file));
      if (found !== undefined && loader === undefined && existsSync(join(path, found))) {
        loader = join(path, found);
      }
      if (files.some((file) => file.includes('.so'))) libraries.push(path);
    }
  }
  if (loader === undefined) throw new Error('the tree has no dynamic loader');
  return (program) => [
    loader,
    '--library-path',
    libraries.join(':'),
    join(root, 'usr/bin', program),
  ];
}

/** Fetches the servers, suites side by side, and returns an entry for each. */
async function fetchAll(missing, repository) {
  const bySuite = Map.groupBy ? Map.groupBy(missing, (s) => s.suite) : groupBySuite(missing);
  const entries = await Promise.all(
    [...bySuite].map(async ([suite, servers]) => {
      let apt;
      try {
        const home = join(FOLDER, '.apt', suite);
        apt = await openSuites(home, [suite, ...(ALSO[suite] ?? [])], repository);
      } catch (error) {
        return servers.map((s) => unavailable(s, `${suite} cannot be read: ${reasonOf(error)}`));
      }
      return Promise.all(servers.map((server) => fetchServer(server, apt)));
    }),
  );
  const all = entries.flat();
  if (all.every((entry) => entry.unavailable !== undefined)) {
    say('nothing could be fetched: looking for servers on PATH');
    for (const entry of await onPath([])) all.push(entry);
  }
  const whole = all.every((entry) => entry.unavailable === undefined);
  if (whole) await rm(join(FOLDER, '.apt'), { recursive: true, force: true });
  return all;
}

function groupBySuite(servers) {
  const groups = new Map();
  for (const s of servers) groups.set(s.suite, [...(groups.get(s.suite) ?? []), s]);
  return groups;
}

async function fetchServer(server, apt) {
  let offered = false;
  const building = join(FOLDER, `.building-${server.name}-${process.pid}`);
  try {
    const packages = await resolvePackages(server, apt);
    offered = true;
    say(`${server.name}: fetching ${packages.length} packages`);
    const root = join(building, 'root');
    const debs = join(building, 'debs');
    await mkdir(root, { recursive: true });
    await mkdir(debs);
    await retried(`${server.name}: apt-get download`, () =>
      apt(['download', ...packages], { cwd: debs }),
    );
    for (const file of await readdir(debs)) await run('dpkg', ['-x', join(debs, file), root]);
    await rm(debs, { recursive: true });
    for (const unread of ['usr/share', 'etc', 'var']) {
      await rm(join(root, unread), { recursive: true, force: true });
    }
    await describe(server, await launcher(root));
    const folder = join(FOLDER, server.name);
    await rm(folder, { recursive: true, force: true });
    await rename(building, folder);
    const entry = await describe(server, await launcher(join(folder, 'root')));
    say(`${server.name}: ${entry.version} is there`);
    return entry;
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    return unavailable(server, reasonOf(error), offered);
  }
}

/** The packages to unpack, as NAME=VERSION: the server's own and the libraries apt finds for them. */
async function resolvePackages({ packages, suite }, apt) {
  const args = ['install', '--simulate', '--assume-yes', ...packages];
  // A package of a suite that is not automatic is only taken when it is asked for by suite, or when
  // no other has it: the latter is the case here.
  const { stdout } = await apt(args).catch((error) => {
    throw new Error(`${suite} does not offer ${packages.join(' and ')}: ${reasonOf(error)}`);
  });
  const chosen = [];
  for (const [, name, version] of stdout.matchAll(/^Inst (\S+) \((\S+) /gm)) {
    const library = LIBRARY.test(name) && !UNUSED_LIBRARY.test(name);
    if (library || packages.includes(name)) chosen.push(`${name}=${version}`);
  }
  return chosen;
}

/** Entries for servers of the machine itself: the first version of each flavour that PATH has. */
async function onPath(missing) {
  const entries = new Map(
    missing.map((s) => [s.name, unavailable(s, 'not on PATH, and no archive')]),
  );
  const commandFor = (program) => [whereIs(program) ?? program];
  for (const tool of missing.filter(({ program }) => whereIs(program ?? '') !== undefined)) {
    entries.set(
      tool.name,
      await describe(tool, commandFor).catch((e) => unavailable(tool, reasonOf(e))),
    );
  }
  for (const flavour of new Set(SERVERS.map((server) => server.flavour))) {
    if (whereIs(`${flavour}-server`) === undefined) continue;
    try {
      const found = await describe({ name: flavour, flavour }, commandFor);
      const minor = found.version.split('.').slice(0, 2).join('.');
      entries.set(`${flavour}-${minor}`, { ...found, name: `${flavour}-${minor}` });
    } catch (error) {
      say(`${flavour}-server on PATH does not start: ${reasonOf(error)}`);
    }
  }
  return entries.values();
}

function whereIs(program) {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function unavailable({ name, flavour }, reason, broken = false) {
  return { name, flavour, unavailable: reason, ...(broken ? { broken } : {}) };
}

async function replaceFile(path, text) {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}
