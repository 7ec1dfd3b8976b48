import { setFlagsFromString } from 'node:v8';

/**
 * By how much a heap may grow beyond what lives in it before it is collected, in percent. V8 chooses for itself, by how fast
 * collections are: on a machine with much memory up to four times what lives. With 50 the more frequent collections made
 * submits late; see `docs/adr/0009-workflow-tasks-and-cache.md`.
 */
const GROWS_BY_PERCENT = 100;

/**
 * Has this process and its threads, in one of which workflow code runs, collect their garbage sooner: a worker that runs for hours then
 * needs hardly more memory than one that has just begun. For a program of its own: the setting counts for the whole process.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWS_BY_PERCENT}`);
}
