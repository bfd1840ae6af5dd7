// npm run check: all checks besides the tests: format and lint, types, reference docs, boundaries, order of imports, unused code, packages as published.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm, root } from './setup.mjs';

const published = readdirSync(join(root, 'packages'))
  .map((name) => join('packages', name))
  .filter((path) => !JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')).private);

const sources = ['packages', 'apps', 'bench'];

const checks = {
  'format and lint': ['exec', 'biome', 'ci', '.'],
  types: ['exec', 'turbo', 'run', 'types', '--output-logs=errors-only'],
  'reference docs': ['exec', 'node', 'scripts/docs.mjs', '--check'],
  boundaries: ['exec', 'turbo', 'boundaries'],
  'order of packages and folders': ['exec', 'depcruise', '--output-type', 'err-long', ...sources],
  'order is enforced': ['exec', 'node', '--test', '--test-reporter=spec', 'scripts/order.test.mjs'],
  'names in ARCHITECTURE': ['exec', 'node', 'scripts/architecture.mjs'],
  'unused code': ['exec', 'knip'],
  ...Object.fromEntries(
    [...published, join('apps', 'replica')].map((path) => [
      `${path} as published`,
      ['exec', 'publint', '--strict', path],
    ]),
  ),
  ...Object.fromEntries(
    published.map((path) => [
      `types of ${path} as published`,
      ['exec', 'attw', '--pack', path, '--profile', 'esm-only', '--quiet'],
    ]),
  ),
};

/** @returns {{ passed: number, failed: number }} */
export function runChecks() {
  const failures = Object.entries(checks).filter(([name, args]) => {
    console.error(`\n== ${name}`);
    return !pnpm(...args);
  });
  for (const [name] of failures) console.error(`failed: ${name}`);
  return { passed: Object.keys(checks).length - failures.length, failed: failures.length };
}

if (process.argv[1] === import.meta.filename) {
  const { passed, failed } = runChecks();
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
