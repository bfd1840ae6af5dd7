import { defineConfig } from 'vitest/config';

const conditions = ['@forebay/source', 'module', 'node', 'import', 'default'];

/** The one vitest configuration of the house: packages run from source, results are kept for the sum. */
export const config = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: '.results/tests.json' }]],
    maxWorkers: 2,
    // Where no server is installed, a file that tests each of them has no test.
    passWithNoTests: true,
    // Awaited events end a test; these bounds only keep a broken one from hanging.
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 20 } },
  },
});
