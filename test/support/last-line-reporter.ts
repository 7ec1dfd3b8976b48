import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Ends the output with `N passed, N failed`, and `, N skipped` where some were. What keeps tests from running counts as
 * failed: a file that does not load, an error outside of any test, a run that never came to its end.
 */
export default class LastLineReporter implements Reporter {
  private line = '0 passed, 1 failed';

  onInit(): void {
    // The default reporter and the global set-up's teardown may still print after the run.
    process.once('exit', () => writeSync(1, `${this.line}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++;
      const broken = [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0);
      count.failed += broken.length;
    }
    // A test that was neither run nor skipped on purpose was cut off.
    const failed = count.failed + count.pending;
    this.line = `${count.passed} passed, ${failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`;
  }
}
