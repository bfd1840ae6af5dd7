// The sum of what the packages' test runs have left in their .results folders.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const places = ['packages', 'apps'].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => join(parent, name)),
);

/** Forgets earlier runs, so that a package that did not run is not counted by its last one. */
export function clearResults() {
  for (const place of places)
    rmSync(join(root, place, '.results'), { recursive: true, force: true });
}

/** @returns {{ passed: number, failed: number, skipped: number, missing: string[] }} */
export function sumResults() {
  const sum = { passed: 0, failed: 0, skipped: 0, missing: [] };
  for (const place of places) {
    const path = join(root, place, '.results', 'tests.json');
    if (!existsSync(path)) {
      sum.missing.push(place);
      continue;
    }
    const result = JSON.parse(readFileSync(path, 'utf8'));
    // A file that could not be loaded has no tests to count, and failed all the same.
    const broken = result.testResults.filter(
      (file) =>
        file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
    );
    sum.passed += result.numPassedTests;
    sum.failed += result.numFailedTests + broken.length;
    sum.skipped += result.numPendingTests + result.numTodoTests;
  }
  sum.failed += sum.missing.length;
  return sum;
}
