// npm test: sets everything up, and runs all tests, those on real servers too.
import { clearResults, sumResults } from './results.mjs';
import { fetchBrowser, fetchServers, pnpm, setUp } from './setup.mjs';

setUp();
fetchServers();
fetchBrowser();
clearResults();
// One package at a time: each uses both cores, and tests on real servers measure time-outs.
const ok = pnpm(
  'exec',
  'turbo',
  'run',
  'test',
  '--concurrency=1',
  '--continue',
  '--output-logs=full',
);
const { passed, failed, skipped, missing } = sumResults();
for (const place of missing) console.error(`${place} left no results`);
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
process.exitCode = ok && failed === 0 ? 0 : 1;
