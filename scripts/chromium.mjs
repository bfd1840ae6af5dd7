/**
 * Puts a Chromium under `.servers/chromium`, for the tests of the page, where there is none on PATH: no root,
 * and no change to the system. Where the machine is a Debian, it comes from the archive its own apt is set up
 * with, together with what the machine lacks of what it needs; elsewhere those tests are left out.
 *
 * Environment: FOREBAY_CHROMIUM names a browser to use instead; FOREBAY_SERVERS another folder.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { openOwn, reasonOf, retried } from './apt.mjs';

const FOLDER = resolve(process.env.FOREBAY_SERVERS || join(import.meta.dirname, '..', '.servers'));
const PLACE = join(FOLDER, 'chromium');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** Without a font there is nothing to be read on a picture. */
const PACKAGES = ['chromium', 'fonts-dejavu-core'];

const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">root/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

const run = promisify(execFile);
const say = (text) => process.stderr.write(`${text}\n`);

try {
  const there = onPath() ?? (await inPlace());
  say(`chromium: ${await versionOf(there ?? (await fetch()))}`);
} catch (error) {
  say(`chromium: the page is not tested: ${reasonOf(error)}`);
}

function onPath() {
  const { FOREBAY_CHROMIUM: named, PATH = '' } = process.env;
  if (named) return named;
  const places = PATH.split(':').flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return places.find((place) => existsSync(place));
}

async function inPlace() {
  const program = join(PLACE, 'chromium');
  if (!existsSync(program)) return undefined;
  return versionOf(program).then(
    () => program,
    () => undefined,
  );
}

async function versionOf(program) {
  return (await run(program, ['--version'], { timeout: 20_000 })).stdout.trim();
}

/** What the machine lacks for it is unpacked; what it has is used. */
async function fetch() {
  if (!existsSync('/var/lib/dpkg/status')) throw new Error('none on PATH, and no apt');
  const home = join(FOLDER, '.apt', 'chromium');
  const apt = await openOwn(home);
  const { stdout } = await apt(['install', '--simulate', '--assume-yes', ...PACKAGES]);
  const packages = [...stdout.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm)];
  say(`chromium: fetching ${packages.length} packages`);
  const building = join(FOLDER, `.building-chromium-${process.pid}`);
  try {
    const root = join(building, 'root');
    const debs = join(building, 'debs');
    for (const folder of [root, debs]) await mkdir(folder, { recursive: true });
    const names = packages.map(([, name, version]) => `${name}=${version}`);
    await retried('chromium: apt-get download', () => apt(['download', ...names], { cwd: debs }));
    for (const file of await readdir(debs)) await run('dpkg', ['-x', join(debs, file), root]);
    await rm(debs, { recursive: true });
    await writeFile(join(building, 'fonts.conf'), FONTS);
    await writeFile(join(building, 'chromium'), await launcherIn(root), { mode: 0o755 });
    await versionOf(join(building, 'chromium'));
    await rm(PLACE, { recursive: true, force: true });
    await rename(building, PLACE);
    await rm(home, { recursive: true });
    return join(PLACE, 'chromium');
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** A script that starts it with its own libraries before those of the system. */
async function launcherIn(root) {
  const folders = [];
  for (const top of ['lib', 'usr/lib']) {
    for (const name of await foldersIn(join(root, top))) {
      if (!name.endsWith('-linux-gnu')) continue;
      folders.push(join(top, name));
      // Private libraries (those of PulseAudio) are found by an absolute RUNPATH, which does not lead here.
      for (const inner of await foldersIn(join(root, top, name))) {
        const files = await readdir(join(root, top, name, inner));
        if (files.some((file) => /^lib.+\.so/.test(file))) folders.push(join(top, name, inner));
      }
    }
  }
  const path = folders.map((folder) => `$here/root/${folder}`).join(':');
  return `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="${path}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/root/usr/lib/chromium/chromium" "$@"
`;
}

async function foldersIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
