import { setTimeout as delay } from 'node:timers/promises';
import {
  BURST_MS,
  LIMIT_PER_SECOND,
  mostInASecond,
  mostWithin,
  paymentsOf,
  ratePerSecond,
  STEADY_MS,
  secondsUntilRate,
  submitsAmong,
} from '../measure/door.js';
import { rounded } from '../measure/numbers.js';
import type { Check, Figures, Row } from '../report.js';
import { scaledSettings } from '../scaled-settings.js';
import type { BenchContext } from '../scenario.js';
import { World, type WorldOptions } from '../world.js';

/** Nothing ends while the submits are measured. */
export const LONG_TASK_MS = 3_600_000;
/** What full speed means: this share of the vendor's limit. */
export const FULL = 0.97;
/** How soon after a disturbance it has to be back, in seconds. */
const BACK_WITHIN_S = 10;
/** Work for so long has to be left after the last disturbance, in seconds, so that full speed can be seen again. */
export const UNTIL_BACK_S = { full: BACK_WITHIN_S + STEADY_MS / 1_000, short: 7 };
const STRAGGLERS_MS = 2_000;
/**
 * Several programs that begin at once on a few cores are busy with themselves; their rate is counted from when the last of them has
 * been up for this long, in milliseconds. What they submit until then is queued besides, for this long at the full rate.
 */
const SETTLED_MS = 5_000;
export const STARTING_MS = 10_000;

export interface Disturbed {
  /** From when on full speed may be asked for again, each in milliseconds since the epoch. */
  overAtMs?: readonly number[];
}

export interface RatePlan {
  name: string;
  workers: number;
  /** Submits that are measured. */
  erases: number;
  /** Queued beyond those, so that work is left when the last disturbance is over. Default 0. */
  reserve?: number;
  world?: Omit<WorldOptions, 'name'>;
  /** How much longer the calls of one of the workers are on their way to the vendor, in milliseconds. Default 0. */
  fartherMs?: number;
  /** What is done to it; begins when the workers are up. */
  during?(world: World): Promise<Disturbed>;
  /** The least submits a second, on a quiet machine; undefined where a pause is part of it. */
  atLeast?: number;
}

/** Queues erases, starts the workers, and counts at the door until every file is paid for. */
export async function runRate(group: string, plan: RatePlan, { servers, options, say }: BenchContext): Promise<Row> {
  const world = await World.start(servers, {
    name: plan.name,
    ...plan.world,
    // An unknown outcome after a disturbance is reconciled after these timeouts; a short run has no minute for it.
    env: scaledSettings(options.scale),
    simulator: { taskDurationMs: LONG_TASK_MS, ...plan.world?.simulator },
  });
  try {
    const starting = plan.workers > 1 ? (STARTING_MS / 1_000) * LIMIT_PER_SECOND : 0;
    const fileIds = await world.addFiles(starting + plan.erases + (plan.reserve ?? 0));
    const workflowIds = await world.startErases(fileIds);
    say(`${fileIds.length} erases are queued`);
    const far = plan.fartherMs === undefined ? [] : [await world.fartherFromVendor(plan.fartherMs)];
    await Promise.all(Array.from({ length: plan.workers }, (_, at) => world.startWorker(far[at])));
    const fromMs = plan.workers > 1 ? Date.now() + SETTLED_MS : 0;
    const during = plan.during?.(world) ?? Promise.resolve<Disturbed>({});
    // Three times as long as it should take, and the timeouts of a worker that was killed.
    const allPaid = world.untilPaid(fileIds, (fileIds.length / LIMIT_PER_SECOND) * 3_000 + 300_000);
    const [{ overAtMs = [] }] = await Promise.all([during, allPaid]);
    // A submit too many may still be on its way when the last file is paid for.
    await delay(STRAGGLERS_MS);
    for (const line of world.complaints.slice(0, 5)) say(`worker: ${line}`);
    for (const line of await world.tellUnpaid(fileIds, workflowIds)) say(line);
    return rowOf(group, plan, { world, fileIds, fromMs, overAtMs });
  } finally {
    await world.stop();
  }
}

interface Seen {
  world: World;
  fileIds: readonly string[];
  /** What was submitted before is not counted in the rate; milliseconds since the epoch. */
  fromMs: number;
  overAtMs: readonly number[];
}

async function rowOf(group: string, plan: RatePlan, { world, fileIds, fromMs, overAtMs }: Seen): Promise<Row> {
  const calls = await world.calls();
  const { accepted, refused, offered } = submitsAmong(calls);
  const counted = accepted.filter((at) => at >= fromMs).slice(0, plan.erases);
  const rate = ratePerSecond(counted);
  const { duplicates, never } = paymentsOf(calls, fileIds);
  const backs = overAtMs.map((atMs) => secondsUntilRate(accepted, atMs, FULL * LIMIT_PER_SECOND));
  const slowest = backs.includes(null) ? null : Math.max(0, ...(backs as number[]));
  const back = backs.length === 0 ? undefined : slowest;
  const figures: Figures = {
    workers: plan.workers,
    erases: fileIds.length,
    'submits/s': rounded(rate),
    'with the start': fromMs === 0 ? null : rounded(ratePerSecond(accepted.slice(0, plan.erases))),
    'most in 1 s': mostInASecond(accepted),
    'offered in 1 s': mostInASecond(offered),
    'most in 100 ms': mostWithin(offered, BURST_MS),
    refusals: refused.length,
    duplicates,
    lost: never,
    'full again after s': back === undefined ? null : (rounded(back, 1) ?? 'never'),
  };
  const goals: Check[] = [];
  if (plan.atLeast !== undefined) {
    const what = `at least ${plan.atLeast} submits/s (${rounded(rate)})`;
    goals.push({ what, kept: (rate ?? 0) >= plan.atLeast });
  }
  if (back !== undefined)
    goals.push({
      what: `full speed within ${BACK_WITHIN_S} s (${rounded(back, 1) ?? 'never'})`,
      kept: back !== null && back <= BACK_WITHIN_S,
    });
  return { group, name: plan.name, figures, promises: hardPromises(figures), goals };
}

/** What must hold on any machine: nothing refused, never above the limit, nothing twice, nothing lost. */
export function hardPromises(figures: Figures): Check[] {
  const number = (name: string) => Number(figures[name] ?? 0);
  return [
    { what: `0 refusals (${number('refusals')})`, kept: number('refusals') === 0 },
    {
      what: `at most ${LIMIT_PER_SECOND} in any second (${number('most in 1 s')})`,
      kept: number('most in 1 s') <= LIMIT_PER_SECOND,
    },
    { what: `nothing paid twice (${number('duplicates')})`, kept: number('duplicates') === 0 },
    { what: `nothing lost (${number('lost')})`, kept: number('lost') === 0 },
  ];
}
