import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { SimulatorOptions } from '../src/simulator/index.js';
import { resolveOptions } from '../src/simulator/options.js';
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
  checkKnown(options);
  const simulator = await startSimulatorProcess(options);
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

/** These rows may be laid over an older checkout: its simulator would ignore what it does not know, and figures would be wrong. */
function checkKnown(options: SimulatorOptions = {}): void {
  const known = resolveOptions(options);
  for (const name of Object.keys(options)) {
    if (!(name in known))
      throw new Error(`The simulator of this checkout has no ${name}; bench/README.md says which sources a row needs.`);
  }
}
