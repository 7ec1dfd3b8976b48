import { setFlagsFromString } from 'node:v8';

/**
 * Percent by which the heap may grow over its live data before a collection. V8's adaptive default reaches 300; 50 delayed submits:
 * see `docs/adr/0009-workflow-tasks-and-cache.md`.
 */
const GROWS_BY_PERCENT = 100;

/**
 * Makes V8 collect garbage earlier, so that a long-running worker keeps a small heap. The setting applies to the whole process,
 * worker threads included.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWS_BY_PERCENT}`);
}
