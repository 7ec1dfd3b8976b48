import { setMaxListeners } from 'node:events';
import { EXIT } from '../contract/error-classes.js';
import { stdout } from '../process/standard-streams.js';
import { Exit } from './exit.js';

/**
 * Runs `work` with a signal that Ctrl-C or SIGTERM aborts; then says `onInterrupt` and ends with 130. What runs in Temporal runs on.
 * `onlyShows` is for what does nothing but wait and show: where stdout has no reader any more, that ends too, with 8.
 */
export async function interruptible<T>(
  onInterrupt: () => void,
  work: (signal: AbortSignal) => Promise<T>,
  { onlyShows = false }: { onlyShows?: boolean } = {},
): Promise<T> {
  const controller = new AbortController();
  // Each call that is under way listens, and many are at once: that is no leak, of which Node would warn.
  setMaxListeners(0, controller.signal);
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Exit(EXIT.interrupted));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const forget = onlyShows ? stdout.onceBroken(() => controller.abort(new Exit(EXIT.stillRunning))) : undefined;
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    onInterrupt();
    throw controller.signal.reason;
  } finally {
    forget?.();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
