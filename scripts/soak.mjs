// npm run soak: the torture tests of the daemon, one after another and again from the first, with the
// numbers of FOREBAY_TORTURE=full. Before each of them it runs the simulation, on two cores, for
// FOREBAY_SIMULATION_SECONDS (300 by default). It runs until it is stopped, or for FOREBAY_SOAK_MINUTES.
// FOREBAY_SOAK=simulation runs the simulation only. Not part of CI.
//
// A line a minute says how long it has run, which file is running, how many kills, failovers and cuts
// were done, how many histories were simulated, and how many files have failed. The output of a failed file
// follows at once, with the seed that repeats the failure (FOREBAY_SEED). A history that fails is shortened and
// kept in apps/replica/test/simulation/regressions; every test run starts with these histories. The exit code
// is 1 if any file has failed. A file that is running when the time is over is stopped and not counted.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchServers, root, setUp } from './setup.mjs';

const MINUTE = 60_000;
const minutes = Number(process.env.FOREBAY_SOAK_MINUTES ?? Infinity);
const onlySimulation = process.env.FOREBAY_SOAK === 'simulation';
const app = join(root, 'apps', 'replica');
const simulation = 'simulation/histories-';
const torture = onlySimulation ? [] : testFiles('torture');
const files = torture.length === 0 ? [simulation] : torture.flatMap((name) => [simulation, name]);
const home = mkdtempSync(join(tmpdir(), 'forebay-soak-'));
const tally = join(home, 'tally');

setUp();
if (!onlySimulation) fetchServers();
const began = Date.now();
const end = began + minutes * MINUTE;
let running = '';
let passed = 0;
let failed = 0;
let histories = 0;
const telling = setInterval(tell, MINUTE);
for (let i = 0; Date.now() < end; i++) {
  running = files[i % files.length];
  const { code, printed, stopped } = await runFile(running);
  for (const [, count] of printed.matchAll(/(\d+) histories, [\d.]+ a second/g))
    histories += Number(count);
  if (stopped) break;
  if (code === 0) passed++;
  else {
    failed++;
    console.log(`${running} failed:\n${printed}`);
  }
}
clearInterval(telling);
running = 'the end';
tell();
rmSync(home, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;

function testFiles(folder) {
  const names = readdirSync(join(app, 'test', folder));
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => `${folder}/${name}`);
}

/** Runs the files whose names begin with `name`, until they end or the time is over. */
async function runFile(name) {
  const vitest = join(app, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', `test/${name}`], {
    cwd: app,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      FOREBAY_KEEP_FAILURES: 'yes',
      FOREBAY_TORTURE: 'full',
      FOREBAY_TORTURE_TALLY: tally,
    },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
  }
  let stopped = false;
  const stop = () => {
    stopped = true;
    child.kill('SIGTERM');
  };
  const timer = end === Infinity ? undefined : setTimeout(stop, end - Date.now());
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, printed, stopped };
}

function tell() {
  const counted = (what) => tallied().filter((line) => line === what).length;
  const elapsed = Math.round((Date.now() - began) / MINUTE);
  const done = `${counted('kill')} kills, ${counted('failover')} failovers, ${counted('cut')} cuts`;
  const counts = `${done}, ${histories} histories`;
  console.log(`${elapsed} min, ${running}: ${counts}; ${passed} files passed, ${failed} failed`);
}

/** What the tests have counted, a word a line. */
function tallied() {
  try {
    return readFileSync(tally, 'utf8').split('\n');
  } catch {
    // None of them has counted anything yet.
    return [];
  }
}
