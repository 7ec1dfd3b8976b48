import { setMaxListeners } from 'node:events';
import { EXIT } from '../contract/error-classes.js';
import { stdout } from '../process/standard-streams.js';
import { Exit } from './exit.js';

/**
 * Runs `work` with a signal that Ctrl-C or SIGTERM aborts, then calls `onInterrupt` and exits with 130; Temporal runs continue.
 * With `onlyShows`, a closed stdout also ends it, with 8.
 */
export async function interruptible<T>(
  onInterrupt: () => void,
  work: (signal: AbortSignal) => Promise<T>,
  { onlyShows = false }: { onlyShows?: boolean } = {},
): Promise<T> {
  const controller = new AbortController();
  // Many concurrent calls listen on one signal; that is not the leak that Node would report.
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
