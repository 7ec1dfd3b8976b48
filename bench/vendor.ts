import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { SimulatorOptions } from '../src/simulator/index.js';
import { type SimulatorProcess, startSimulatorProcess } from '../test/support/simulator.js';

/** As `nice` counts: ahead of everything here that is not the system's. */
const FIRST = -15;

/**
 * The simulator, ahead of all else on this machine where that is allowed (root). The vendor is on machines of its own: on one
 * that is full, the simulator would stamp a call when it gets a core, some ten milliseconds after the call was there.
 */
export async function startVendor(options?: SimulatorOptions): Promise<SimulatorProcess> {
  const simulator = await startSimulatorProcess(options);
  try {
    // Each of its threads: one that collects garbage keeps the others waiting.
    for (const thread of readdirSync(`/proc/${simulator.pid}/task`)) setPriority(Number(thread), FIRST);
  } catch {
    // Without the right to it, or on another system: what the rows say of single milliseconds is then partly this machine's.
  }
  return simulator;
}
