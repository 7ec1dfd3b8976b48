import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Range, SimulatorOptions } from '../src/simulator/index.js';
import { type SimulatorProcess, startSimulatorProcess } from '../test/support/simulator.js';

/** As `nice` counts: ahead of everything here that is not the system's. */
const FIRST = -15;
/** Real-time, as `chrt -f` counts; the least would do, since nothing else here has any. */
const REAL_TIME = '10';

/**
 * The simulator, ahead of all else on this machine where that is allowed (root). The vendor is on machines of its own: on one
 * that is full, the simulator would stamp a call when it gets a core. Packets were compared with stamps: a core came
 * up to 23 ms late (and once or twice a thousand calls 50), at a better nice value too; in real time 1.3 ms at most.
 */
export async function startVendor(options?: SimulatorOptions): Promise<SimulatorProcess> {
  const simulator = await startSimulatorProcess(options);
  if (options?.answerDelayMs !== undefined) await checkAnswerDelay(simulator, options.answerDelayMs);
  try {
    // Each of its threads: one that collects garbage keeps the others waiting.
    execFileSync('chrt', ['--all-tasks', '--fifo', '--pid', REAL_TIME, String(simulator.pid)], { stdio: 'ignore' });
  } catch {
    behindRealTime(simulator.pid);
  }
  return simulator;
}

/** Without the right to real time, or `chrt`. Without this right too, what the rows say of milliseconds is partly this machine's. */
function behindRealTime(pid: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), FIRST);
  } catch {
    // Or on another system.
  }
}

/** One that was built from older sources takes no notice of an option that it does not know, and the figures would be wrong. */
async function checkAnswerDelay({ url, kill }: SimulatorProcess, delay: number | Range): Promise<void> {
  const leastMs = typeof delay === 'number' ? delay : delay.minMs;
  const askedMs = performance.now();
  // It is refused, and takes as long as any other call.
  await (await fetch(url, { method: 'POST' })).text();
  if (performance.now() - askedMs >= leastMs - 1) return;
  await kill();
  throw new Error('The simulator of this checkout has no answerDelayMs: bench/README.md says which sources it needs.');
}
