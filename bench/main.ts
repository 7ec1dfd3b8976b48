/** `npm run bench`: this project on real processes, measured at the simulator's door; see bench/README.md. */
import { startSharedServers } from '../test/faults/servers.js';
import { BATCH } from './batch/index.js';
import { COST } from './cost.js';
import { type BenchOptions, readOptions, USAGE } from './options.js';
import { PEERS } from './peers/index.js';
import { RATE } from './rate/index.js';
import { brokenOf, newReport, type Report, tableOf, writeReport } from './report.js';
import type { Scenario } from './scenario.js';
import { WAITING } from './waiting.js';
import { WATCH } from './watch.js';

const SCENARIOS: readonly Scenario[] = [...RATE, ...WATCH, ...COST, ...WAITING, ...BATCH, ...PEERS];

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  let options: BenchOptions | 'help';
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const scenarios = chosen(options);
  if (options.list) {
    for (const { group, name, about } of scenarios) process.stdout.write(`${group}: ${name}: ${about}\n`);
    return 0;
  }
  if (scenarios.length === 0) {
    say('No scenario has such a name; --list shows them all.');
    return 2;
  }
  return run(scenarios, options);
}

function chosen({ groups, named, short, only }: BenchOptions): Scenario[] {
  return SCENARIOS.filter(
    (each) =>
      groups.includes(each.group) &&
      (only === undefined ? named || !short || !each.longOnly : only.some((text) => each.name.includes(text))),
  );
}

/**
 * The Temporal server's garbage collector runs a fifth as often: on a machine that all servers share it takes the processor from
 * what is measured (an erase took about 52 ms of all processes' time, and 47 ms this way). A server in production has a machine of
 * its own.
 */
const TEMPORAL_ENV = { GOGC: '500' };

/**
 * And it works as one in production does, where the dev server's own choices differ: search attributes are not read from the
 * database again with each of its statements (a quarter of them), and a queue of a few tasks a second has one partition, so that tasks
 * are not handed from one to another.
 */
const TEMPORAL_CONFIG = {
  'system.forceSearchAttributesCacheRefreshOnRead': false,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
};

async function run(scenarios: readonly Scenario[], options: BenchOptions): Promise<number> {
  const { short, scale, erases, strict } = options;
  const report = newReport({
    scenarios: options.groups.join(' '),
    only: options.only?.join(' | ') ?? null,
    length: short ? 'short' : 'full',
    scale,
    erases: erases ?? 'as each scenario says',
  });
  const servers = await startSharedServers(say, {
    sharedTemporal: false,
    temporalOnFile: false,
    temporalEnv: TEMPORAL_ENV,
    temporalConfig: TEMPORAL_CONFIG,
  });
  const stop = (code: number) => void servers.stop().finally(() => process.exit(code));
  process.once('SIGINT', () => stop(130)).once('SIGTERM', () => stop(143));
  try {
    for (const scenario of scenarios) {
      const startedMs = performance.now();
      say(`${scenario.group}: ${scenario.name} …`);
      const own = (line: string) => say(`  ${line}`);
      const rows = await scenario
        .run({ servers, options, rowsBefore: report.rows, say: own })
        .catch((error) => [brokeDown(scenario, error, own)]);
      report.rows.push(...rows);
      if (scenario.group !== 'peers') for (const row of rows) own(`${row.name}: ${JSON.stringify(row.figures)}`);
      own(`${Math.round((performance.now() - startedMs) / 1_000)} s`);
      // Each time, so that what was measured for an hour outlives what breaks after it.
      writeReport(report, options.name);
    }
  } finally {
    await servers.stop();
  }
  return tell(report, options.name, strict);
}

/** What did not come to its end has kept nothing. */
function brokeDown({ group, name }: Scenario, error: unknown, own: (line: string) => void) {
  own(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const why = error instanceof Error ? error.message : String(error);
  return { group, name, figures: {}, promises: [{ what: `it ran to its end (${why})`, kept: false }], goals: [] };
}

function tell(report: Report, name: string, strict: boolean): number {
  process.stdout.write(`${tableOf(report)}\n\n`);
  const { promises, goals } = brokenOf(report);
  for (const sentence of promises) process.stdout.write(`BROKEN  ${sentence}\n`);
  for (const sentence of goals) process.stdout.write(`${strict ? 'MISSED ' : 'missed '} ${sentence}\n`);
  say(`Written: ${writeReport(report, name)}`);
  return promises.length + (strict ? goals.length : 0) > 0 ? 1 : 0;
}

// Not by itself: what a broken scenario left open must not keep us.
process.exit(await main());
