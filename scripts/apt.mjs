// Packages of a Debian, unpacked beside the work: no root, and no change to the system.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const TRIES = 3;

/** The keys of the archive, older and newer suites' too. apt's own default where there is none. */
const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  '/usr/share/keyrings/debian-archive-keyring.gpg',
];

const run = promisify(execFile);
const say = (text) => process.stderr.write(`${text}\n`);

/** Where apt takes `main` of Debian from, or undefined where that is not so or apt is not there. */
export async function archive() {
  const format = '$(REPO_URI) $(COMPONENT) $(ORIGIN) $(LABEL)';
  try {
    const { stdout } = await run('apt-get', [
      'indextargets',
      '--format',
      format,
      'Created-By: Packages',
    ]);
    const targets = stdout.split('\n').map((line) => line.split(' '));
    const exact = targets.find(([, component, origin, label]) => {
      return component === 'main' && origin === 'Debian' && label === 'Debian';
    });
    // Before the first `apt-get update` origin and label are not known, only the address.
    const likely = targets.find(
      ([uri, component]) => component === 'main' && /\/debian\/$/.test(uri),
    );
    return (exact ?? likely)?.[0];
  } catch {
    return undefined;
  }
}

/**
 * Makes apt's folders in `home`, for these suites read together, and reads their lists. Returns what runs
 * apt on them: with an empty dpkg status, so that every library is resolved in the suites, and none taken
 * for installed.
 */
export async function openSuites(home, suites, repository) {
  const keyring = KEYRINGS.find((path) => existsSync(path));
  const signedBy = keyring === undefined ? '' : `[signed-by=${keyring}] `;
  const sources = suites.map((one) => `deb ${signedBy}${repository} ${one} main\n`).join('');
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'sources.list'), sources);
  await writeFile(join(home, 'status'), '');
  return openApt(home, suites[0], [
    `Dir::Etc::sourcelist "${home}/sources.list";`,
    `Dir::Etc::sourceparts "${home}/empty";`,
    `Dir::State::status "${home}/status";`,
  ]);
}

/** The same of what the machine's own apt is set up with: what is installed is taken for installed. */
export function openOwn(home) {
  return openApt(home, 'this machine', ['Dir::State::status "/var/lib/dpkg/status";']);
}

async function openApt(home, name, settings) {
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'empty']) {
    await mkdir(join(home, folder), { recursive: true });
  }
  const own = await aptConfiguration(home);
  await writeFile(join(home, 'apt.conf'), `${[...own, ...settings].join('\n')}\n`);
  const apt = (args, options = {}) =>
    run('apt-get', args, {
      env: { ...process.env, APT_CONFIG: join(home, 'apt.conf'), LC_ALL: 'C' },
      maxBuffer: 16 * 1024 * 1024,
      ...options,
    });
  say(`${name}: reading the list of packages`);
  await retried(`${name}: apt-get update`, () => apt(['--error-on=any', 'update']));
  return apt;
}

/**
 * Of the machine's own settings only `Acquire::` (proxies, certificates, retries) is taken over: its
 * hooks and folders would touch the system.
 */
async function aptConfiguration(home) {
  const { stdout } = await run('apt-config', ['dump']);
  const kept = stdout.split('\n').filter((line) => /^Acquire::[^"\s]+ "[^"]*";$/.test(line));
  return [
    ...kept,
    'Acquire::GzipIndexes "false";',
    'Acquire::Languages "none";',
    'APT::Install-Recommends "false";',
    'APT::Sandbox::User "root";',
    `Dir::Etc::main "${home}/empty/none";`,
    `Dir::Etc::parts "${home}/empty";`,
    `Dir::Etc::preferences "${home}/empty/none";`,
    `Dir::Etc::preferencesparts "${home}/empty";`,
    `Dir::State "${home}/state";`,
    `Dir::Cache "${home}/cache";`,
  ];
}

export async function retried(what, work) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === TRIES) throw error;
      say(`${what} failed (${reasonOf(error)}), trying again`);
      await new Promise((next) => setTimeout(next, 1000 * attempt));
    }
  }
}

/** The line of a program's complaint that says most, in one line. */
export function reasonOf(error) {
  const lines = String(error.stderr || error.message)
    .trim()
    .split('\n');
  return (lines.find((line) => line.startsWith('E: ')) ?? lines.at(-1) ?? '').trim();
}
