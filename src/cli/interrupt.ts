import { setMaxListeners } from 'node:events';
import { EXIT } from '../contract/error-classes.js';
import { Exit } from './exit.js';

/**
 * Runs `work` with a signal that Ctrl-C or SIGTERM aborts; then says `onInterrupt` and ends with 130. What runs in Temporal runs on.
 */
export async function interruptible<T>(onInterrupt: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  // Each call that is under way listens, and many are at once: that is no leak, of which Node would warn.
  setMaxListeners(0, controller.signal);
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Exit(EXIT.interrupted));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    onInterrupt();
    throw new Exit(EXIT.interrupted);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
