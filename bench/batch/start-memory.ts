import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCli } from '../../test/support/cli.js';
import { SUB_APP_ID } from '../../test/support/simulator.js';
import { rounded } from '../measure/numbers.js';
import type { Row } from '../report.js';
import type { BenchContext } from '../scenario.js';
import { World, type WorldOptions } from '../world.js';
import { peakMb } from './feeder-cost.js';

/** Between two reads of a command's memory, in milliseconds: VmHWM is the peak. */
const LOOK_EVERY_MS = 50;
/** The slowest machine reads and prices a row in less than this, in milliseconds. */
const PATIENCE_A_ROW_MS = 50;

/** `batch start` of a CSV file: how its memory and its time grow with the rows. No worker runs, so that nothing else is measured. */
export async function runStartMemory(
  group: string,
  name: string,
  rows: number,
  {
    part,
    mostGrowth,
    options,
    context,
  }: { part: number; mostGrowth: number; options: Omit<WorldOptions, 'name'>; context: BenchContext },
): Promise<Row> {
  const world = await World.start(context.servers, { name, ...options });
  const folder = mkdtempSync(join(tmpdir(), 'bench-batch-'));
  try {
    const fileIds = await world.addFiles(rows);
    const start = async (count: number) => {
      const file = join(folder, `${count}.csv`);
      writeFileSync(file, `fileId\n${fileIds.slice(0, count).join('\n')}\n`);
      const begunMs = performance.now();
      const args = ['batch', 'start', file, '--recipe', 'subtitles', '--sub-app-id', String(SUB_APP_ID), '--yes'];
      const cli = startCli(args, world.env, { timeoutMs: 60_000 + rows * PATIENCE_A_ROW_MS });
      let peak = 0;
      let over = false;
      const ended = cli.ended.finally(() => {
        over = true;
      });
      while (!over) {
        peak = Math.max(peak, peakMb(cli.process.pid ?? 0));
        await sleep(LOOK_EVERY_MS);
      }
      const { code, stderr } = await ended;
      if (code !== 0) throw new Error(`batch start of ${count} rows ended with ${code}: ${stderr.slice(-2_000)}`);
      return { peak, seconds: rounded((performance.now() - begunMs) / 1_000, 0) };
    };
    const fewer = await start(Math.ceil(rows / part));
    const all = await start(rows);
    const times = all.peak / fewer.peak;
    return {
      group,
      name,
      figures: { items: rows, seconds: all.seconds, 'a tenth MB': fewer.peak, 'start peak MB': all.peak },
      // Of few rows both are what any command takes, and the last bit of it comes or does not come.
      promises: context.options.short
        ? []
        : [
            {
              what: `memory at most ${mostGrowth} times that at a tenth of the rows (${rounded(times)})`,
              kept: times <= mostGrowth,
            },
          ],
      goals: [],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await world.stop();
  }
}
