import type { EraseRequest } from '../src/contract/request.js';
import { costOf, histories, type RunCost } from './measure/histories.js';
import { mean, rounded } from './measure/numbers.js';
import type { Check, Row } from './report.js';
import { scaledSettings } from './scaled-settings.js';
import type { BenchContext, Scenario } from './scenario.js';
import { World } from './world.js';

const GROUP = 'cost';
const ERASES = { full: 20, short: 5 };
const TASK_MS = 600_000;
const PATIENCE_MS = 300_000;

interface Kind {
  name: string;
  fields: Partial<EraseRequest>;
  mostEvents: number;
  /** Without retried attempts, which count one each. */
  mostActions: number;
}

const KINDS: readonly Kind[] = [
  { name: 'without publish', fields: {}, mostEvents: 26, mostActions: 7 },
  {
    name: 'with publish',
    fields: { publish: { description: 'without subtitles', inherit: ['name', 'classId', 'tags'] } },
    mostEvents: 32,
    mostActions: 8,
  },
];

export const COST: readonly Scenario[] = [
  {
    group: GROUP,
    name: 'events and actions',
    longOnly: true,
    about: 'counted in the histories of erases with tasks of ten minutes',
    run: runCost,
  },
];

async function runCost({ servers, options }: BenchContext): Promise<Row[]> {
  const erases = options.erases ?? ERASES[options.short ? 'short' : 'full'];
  const { scale } = options;
  const world = await World.start(servers, {
    name: GROUP,
    simulator: { taskDurationMs: TASK_MS * scale },
    env: scaledSettings(scale),
  });
  try {
    await world.startWorker();
    const fileIds = await world.addFiles(erases * KINDS.length);
    const started = await Promise.all(
      KINDS.map(async (kind, at) => ({
        kind,
        workflowIds: await world.startErases(fileIds.slice(at * erases, (at + 1) * erases), kind.fields),
      })),
    );
    await world.untilDone(TASK_MS * scale + PATIENCE_MS);
    const rows: Row[] = [];
    for (const { kind, workflowIds } of started) {
      const costs: RunCost[] = [];
      for await (const events of histories(world.temporal, workflowIds)) costs.push(costOf(events));
      rows.push(rowOf(kind, costs));
    }
    const lost = fileIds.length - (await world.succeededRuns());
    const allDone: Check = { what: `every run succeeded (${lost} did not)`, kept: lost === 0 };
    for (const row of rows) row.promises.push(allDone);
    return rows;
  } finally {
    await world.stop();
  }
}

function rowOf(kind: Kind, costs: readonly RunCost[]): Row {
  const most = (of: (cost: RunCost) => number) => Math.max(0, ...costs.map(of));
  const average = (of: (cost: RunCost) => number) => rounded(mean(costs.map(of)), 1);
  const retried = most((cost) => cost.retriedAttempts);
  const [events, actions] = [most((cost) => cost.events), most((cost) => cost.actions - cost.retriedAttempts)];
  return {
    group: GROUP,
    name: kind.name,
    figures: {
      erases: costs.length,
      'events, mean': average((cost) => cost.events),
      'events, most': events,
      'actions, mean': average((cost) => cost.actions),
      'actions, most': most((cost) => cost.actions),
      'retried attempts, most': retried,
    },
    promises: [],
    goals: [
      { what: `at most ${kind.mostEvents} events (${events})`, kept: events <= kind.mostEvents },
      {
        what: `at most ${kind.mostActions} actions beside retried attempts (${actions})`,
        kept: actions <= kind.mostActions,
      },
      { what: `no activity was tried again (${retried})`, kept: retried === 0 },
    ],
  };
}
