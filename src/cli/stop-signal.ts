import { EXIT } from '../contract/error-classes.js';
import { watchLauncher } from '../local/stack/launcher.js';

/** Why the program was asked to stop. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'launcher gone';

/** One Ctrl-C can arrive twice, from the terminal and from npm: signals within this time, in milliseconds, count as one. */
const ECHO_MS = 500;

/**
 * Settles at the first SIGTERM, SIGINT or SIGHUP, and when the npm or npx that started us has gone, to leave no orphan process. A
 * second signal ends the process at once.
 */
export function untilStopped(): Promise<StopReason> {
  return new Promise((resolve) => {
    let stopping = false;
    let firstAtMs = 0;
    const onSignal = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => {
      if (!stopping) firstAtMs = performance.now();
      else if (performance.now() - firstAtMs > ECHO_MS) process.exit(EXIT.interrupted);
      stopping = true;
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    watchLauncher(() => {
      stopping = true;
      resolve('launcher gone');
    });
  });
}
