import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Ends the output with `N passed, N failed`, and `, N skipped` where some were. What keeps tests from running counts as
 * failed: a file that does not load, an error outside of any test, a run that never came to its end.
 */
export default class LastLineReporter implements Reporter {
  private passed = 0;
  private failed = 1;
  private skipped = 0;

  onInit(): void {
    // The default reporter and the global set-up's teardown may still print after the run.
    process.once('exit', (code) => {
      // A set-up that throws, or a run without a test: vitest has nothing to count and fails all the same.
      if (code !== 0 && this.failed === 0) this.failed = 1;
      const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : '';
      writeSync(1, `${this.passed} passed, ${this.failed} failed${skipped}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++;
      const broken = [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0);
      count.failed += broken.length;
    }
    this.passed = count.passed;
    this.skipped = count.skipped;
    // A test that was neither run nor skipped on purpose was cut off.
    this.failed = count.failed + count.pending;
  }
}
