import { writeFile } from 'node:fs/promises';
import { PRICE_LIST } from '../../src/contract/price-list.js';
import type { Balance } from './books.js';
import { balanceCrossings } from './crossings-books.js';
import { happen } from './crossings-events.js';
import type { Crossing, CrossingsGroup } from './crossings-matrix.js';
import { CrossingScene, TooLate } from './crossings-scene.js';
import { ownSubApps, Stage } from './crossings-stage.js';
import { goOn } from './crossings-steps.js';
import { type House, type HouseOptions, REFUSED_SUB_APP, SUB_APP, signal } from './house.js';

/** After the last step, every run and every batch must have ended. */
const END_WITHIN_MS = 240_000;
const DEARER = 3;

export function crossingsHouse({ cells }: CrossingsGroup): HouseOptions {
  return {
    simulator: { submitsPerSecond: 0, readsPerSecond: 0, subAppIds: [SUB_APP, REFUSED_SUB_APP, ...ownSubApps] },
    env: {
      VOD_REQUEST_TIMEOUT_SECONDS: '2',
      VOD_SETTLE_SECONDS: '10',
      // As in production, the completion watch notices. It has no part in a sub-application that is not allowed.
      SMART_ERASE_WATCH: cells.some(({ change }) => change === 'allow-list') ? 'off' : 'on',
      VOD_WATCH_INTERVAL_SECONDS: '0.5',
    },
  };
}

/** Brings all cells of a group into their states at once, triggers their events, and what follows; then compares the records. */
export async function runCrossingsGroup(group: CrossingsGroup, house: House): Promise<Crossed> {
  const stage = await Stage.open(house);
  const over = new AbortController();
  const watched = stage.watchBudgets(over.signal);
  const scenes = group.cells.map((cell) => new CrossingScene(stage, cell));
  try {
    const set = await each(scenes, (scene) => scene.bring());
    await changeSettings(stage, set);
    const hit = await each(set, happen);
    // Once for all: account holds go on, unknown outcomes stay as they are.
    await resumeAll(stage);
    await each(hit, goOn);
    await each(hit, comeToTheEnd);
  } finally {
    over.abort();
    await watched;
  }
  const cells = scenes.filter((scene) => scene.erases.length > 0).map((scene) => scene.leaves());
  return { erases: cells.flatMap(({ erases }) => erases), balance: () => balanceCrossings(stage, cells) };
}

export interface Crossed {
  erases: CrossingScene['erases'];
  balance: () => Promise<Balance>;
}

async function resumeAll(stage: Stage): Promise<void> {
  try {
    await stage.command(['resume', '--all', '--by', 'operator', '--reason', 'the account was put right']);
  } catch (error) {
    stage.house.problems.push(error instanceof Error ? error.message : String(error));
  }
}

/** A cell that breaks is a problem of that cell; the others go on. Gives those that did not. */
async function each(
  scenes: readonly CrossingScene[],
  work: (scene: CrossingScene) => Promise<void>,
): Promise<CrossingScene[]> {
  const through = await Promise.all(
    scenes.map(async (scene) => {
      try {
        await work(scene);
        return scene;
      } catch (error) {
        if (error instanceof TooLate) {
          scene.house.missed.push({ cell: scene.name, what: `${scene.name}: it expired before it came to its state.` });
          scene.erases.length = 0;
          return undefined;
        }
        const what = error instanceof Error ? error.message : String(error);
        if (scene.erases.length === 0) scene.house.problems.push(`${scene.name}: ${what}`);
        else scene.problems.push(what);
        return undefined;
      }
    }),
  );
  return through.filter((scene) => scene !== undefined);
}

/** Workers are told to stop, and others start with what is another now. */
async function changeSettings({ house, folder }: Stage, scenes: readonly CrossingScene[]): Promise<void> {
  const isOf = (change: Crossing['change']) => scenes.filter(({ cell }) => cell.change === change);
  const off = new Set(isOf('allow-list').map(({ subAppId }) => subAppId));
  const env: Record<string, string> = {};
  if (off.size > 0) {
    const allowed = [SUB_APP, ...ownSubApps].filter((subAppId) => !off.has(subAppId));
    env.VOD_ALLOWED_SUB_APP_IDS = allowed.join();
  }
  if (isOf('prices').length > 0) {
    const dearer = Object.entries(PRICE_LIST).map(([item, { title, usdPerMinute }]) => [
      item,
      { title, usdPerMinute: usdPerMinute.map((usd) => usd * DEARER) },
    ]);
    env.VOD_PRICE_FILE = `${folder}/prices.json`;
    await writeFile(env.VOD_PRICE_FILE, JSON.stringify(Object.fromEntries(dearer)));
  }
  if (Object.keys(env).length === 0) return;
  house.note(`other settings: ${JSON.stringify(env)}`);
  const before = house.living();
  for (const worker of before) signal(worker, 'SIGTERM');
  await Promise.all(before.map(({ ended }) => ended));
  Object.assign(house.env, env);
  await house.startWorker();
}

async function comeToTheEnd(scene: CrossingScene): Promise<void> {
  await scene.letGo();
  scene.house.gate.open(scene.fileId);
  const deadlineMs = performance.now() + END_WITHIN_MS;
  await Promise.all(scene.erases.map((erase) => erase.waitForEnd(deadlineMs)));
  await Promise.all(scene.batches.map(({ id }) => scene.batchEnds(id)));
}
