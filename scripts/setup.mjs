// What the commands of the README share: nothing but Node and npm has to be there before them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const { packageManager } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
const pnpmVersion = packageManager.split('+')[0];

/** Runs a command with our terminal; true if it ended well. */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', ...env },
  });
  if (error) console.error(`${command} could not be started: ${error.message}`);
  return status === 0;
}

/** pnpm of the version that the project names, from npm; it puts itself on PATH, where turbo wants it. */
export function pnpm(...args) {
  return run('npx', ['--yes', pnpmVersion, ...args]);
}

/** Installs what the lock file names, and builds. Ends the process where that fails. */
export function setUp() {
  if (!installed()) step('installing', () => pnpm('install', '--frozen-lockfile'));
  step('building', () => pnpm('exec', 'turbo', 'run', 'build', '--output-logs=errors-only'));
}

/** Puts the servers there that the tests run against. Where none can be had, fewer are tested. */
export function fetchServers() {
  step('fetching servers', () => run(process.execPath, ['scripts/servers.mjs']));
}

/** Puts a browser there that the page is looked at with; without one those tests are left out. */
export function fetchBrowser() {
  step('fetching a browser', () => run(process.execPath, ['scripts/chromium.mjs']));
}

function step(what, action) {
  console.error(`\n== ${what}`);
  if (action()) return;
  console.error(`${what} failed`);
  process.exit(1);
}

function installed() {
  const marker = new URL('../node_modules/.modules.yaml', import.meta.url);
  const lock = new URL('../pnpm-lock.yaml', import.meta.url);
  return existsSync(marker) && statSync(marker).mtimeMs > statSync(lock).mtimeMs;
}
