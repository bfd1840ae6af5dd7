// npm run soak: the torture tests of the daemon, one after another and again from the first, with the
// numbers of FOREBAY_TORTURE=full, for FOREBAY_SOAK_MINUTES (60 by default). Not part of CI.
//
// A line a minute says how long it has run, which file is running, how many kills, failovers and cuts
// were done, and how many files have failed. What a failed file printed follows at once, the seed to
// repeat it with (FOREBAY_SEED) included. The exit code is 1 if any has failed. What runs when the time
// is over is stopped, and counts as neither.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchServers, root, setUp } from './setup.mjs';

const MINUTE = 60_000;
const minutes = Number(process.env.FOREBAY_SOAK_MINUTES ?? 60);
const app = join(root, 'apps', 'replica');
const files = readdirSync(join(app, 'test', 'torture')).filter((name) => name.endsWith('.test.ts'));
const home = mkdtempSync(join(tmpdir(), 'forebay-soak-'));
const tally = join(home, 'tally');

setUp();
fetchServers();
const began = Date.now();
const end = began + minutes * MINUTE;
let running = '';
let passed = 0;
let failed = 0;
const telling = setInterval(tell, MINUTE);
for (let i = 0; Date.now() < end; i++) {
  running = files[i % files.length];
  const { code, printed, stopped } = await runFile(running);
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

/** Runs one file until it ends or the time is over. */
async function runFile(name) {
  const vitest = join(app, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', join('test', 'torture', name)], {
    cwd: app,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FOREBAY_TORTURE: 'full', FOREBAY_TORTURE_TALLY: tally },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
  }
  let stopped = false;
  const timer = setTimeout(() => {
    stopped = true;
    child.kill('SIGTERM');
  }, end - Date.now());
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, printed, stopped };
}

function tell() {
  const counted = (what) => done().filter((line) => line === what).length;
  const elapsed = Math.round((Date.now() - began) / MINUTE);
  const counts = `${counted('kill')} kills, ${counted('failover')} failovers, ${counted('cut')} cuts`;
  console.log(`${elapsed} min, ${running}: ${counts}; ${passed} files passed, ${failed} failed`);
}

/** What the tests have counted, a word a line. */
function done() {
  try {
    return readFileSync(tally, 'utf8').split('\n');
  } catch {
    // None of them has counted anything yet.
    return [];
  }
}
