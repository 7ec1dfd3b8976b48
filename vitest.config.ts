import { configDefaults, defineConfig } from 'vitest/config';
import { REST } from './test/suites.js';

const suite = process.env.TEST_SUITE;

export default defineConfig({
  test: {
    environment: 'node',
    include: suite === 'rest' ? [...REST] : ['test/**/*.test.ts'],
    exclude: suite === 'everyday' ? [...configDefaults.exclude, ...REST] : configDefaults.exclude,
    pool: 'forks',
    // Each file may drive servers of its own; more at once than this only makes all of them slow.
    maxWorkers: 3,
    // For a slow machine with two cores; a test that hangs still ends.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 15_000,
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/last-line-reporter.ts'],
  },
});
