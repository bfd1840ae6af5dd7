// The whole of CI: the README's test command, then the checks; the last line is the sum of both.
import { runChecks } from './check.mjs';
import { sumResults } from './results.mjs';
import { run } from './setup.mjs';

const tested = run('npm', ['test']);
const tests = sumResults();
const checks = runChecks();
const passed = tests.passed + checks.passed;
// A run that fails without a failed test, in setting up say, counts as one.
const failed = tests.failed + checks.failed || (tested ? 0 : 1);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
