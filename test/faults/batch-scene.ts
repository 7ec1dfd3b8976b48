import type { FaultSpec } from '../../src/simulator/index.js';
import { randomFrom } from './random.js';

/** What is to happen to the file of an item, besides the strikes. */
export const FATES = {
  plain: 'nothing',
  refused: 'its submit is refused for good',
  broken: 'its task fails for a reason that is in the file',
  'failed once': 'its task fails on the vendor’s side, and the second one succeeds',
  'failed twice': 'both of its tasks fail on the vendor’s side',
  unanswered: 'the vendor accepts its submit, and the answer is lost',
  deleted: 'the file is deleted while the batch runs',
} as const;
export type Fate = keyof typeof FATES;

/** What is killed, and started again on what it had written. */
export const VICTIMS = ['worker', 'temporal', 'simulator', 'postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

/** Codes that the vendor gives. */
export const REFUSAL = 'InvalidParameterValue.FileType';
export const BROKEN_FILE = 'SourceFileError.Broken';
export const VENDOR_FAILURE = 'InternalError.Model';
/** What it says of a file that is not there. */
export const NO_SUCH_FILE = 'InvalidParameterValue.FileId';

export interface SceneItem {
  fileId: string;
  fate: Fate;
}

/** Everything that is going to happen, as far as it can be planned. `at`: when this share of the items has ended. */
export interface BatchScene {
  /** In the order of the source. */
  items: readonly SceneItem[];
  deletions: readonly { at: number; fileId: string }[];
  strikes: readonly { at: number; victims: readonly Victim[]; afterMs: number; downMs: number }[];
}

/** Share of the items that have each fate, and the most of them: the faults go to the simulator in its command line. */
const SHARE: Partial<Record<Fate, number>> = {
  refused: 0.01,
  broken: 0.01,
  'failed once': 0.01,
  'failed twice': 0.005,
  unanswered: 0.01,
  deleted: 0.02,
};
const MOST_OF_A_FATE = 40;
/** One strike for so many items; each victim is struck once at least, and once all of them together. */
const ITEMS_A_STRIKE = 250;
const MOST_STRIKES = 25;
const FIRST_FILE = 5286000000000000000n;

/** Strikes and fates at random; the same for the same seed. */
export function planScene(seed: number, count: number): BatchScene {
  const random = randomFrom(seed);
  const fates = shuffled(fatesOf(count), random);
  const items = fates.map((fate, at) => ({ fileId: String(FIRST_FILE + BigInt(at)), fate }));
  const deletions = items.flatMap(({ fileId, fate }, at) =>
    // Mostly before its turn, sometimes after: the vendor's books tell which it was.
    fate === 'deleted' ? [{ fileId, at: random() * (at / count) * 1.1 }] : [],
  );
  const wanted = Math.min(MOST_STRIKES, Math.ceil(count / ITEMS_A_STRIKE));
  const victims: Victim[][] = [[...VICTIMS], ...VICTIMS.map((victim) => [victim])];
  while (victims.length < wanted) victims.push([VICTIMS[Math.floor(random() * VICTIMS.length)] as Victim]);
  const strikes = shuffled(victims, random).map((each, at) => ({
    // One in each stretch of the run, and none so late that the batch may end before it.
    at: ((at + random()) / victims.length) * 0.85,
    victims: each,
    afterMs: Math.floor(random() * 1_500),
    downMs: Math.floor(random() * 4_000),
  }));
  return { items, deletions: deletions.sort((a, b) => a.at - b.at), strikes };
}

/** The simulator's instructions before the first request, at each of its starts. */
export function faultsOf(scene: BatchScene): FaultSpec[] {
  const action = 'ProcessMediaByMPS';
  const always = 1_000;
  return scene.items.flatMap(({ fileId, fate }): FaultSpec[] => {
    switch (fate) {
      case 'refused':
        return [{ action, kind: 'error', fileId, code: REFUSAL, times: always }];
      case 'broken':
        return [{ action, kind: 'task-failure', fileId, code: BROKEN_FILE, times: always }];
      case 'failed once':
        return [{ action, kind: 'task-failure', fileId, code: VENDOR_FAILURE, times: 1 }];
      case 'failed twice':
        return [{ action, kind: 'task-failure', fileId, code: VENDOR_FAILURE, times: 2 }];
      case 'unanswered':
        return [{ action, kind: 'drop-after-accept', fileId }];
      default:
        return [];
    }
  });
}

function fatesOf(count: number): Fate[] {
  const fates: Fate[] = [];
  for (const [fate, share] of Object.entries(SHARE)) {
    const many = Math.min(MOST_OF_A_FATE, Math.max(1, Math.round(count * share)));
    fates.push(...Array.from({ length: many }, () => fate as Fate));
  }
  return [...fates, ...Array.from({ length: count - fates.length }, () => 'plain' as const)];
}

function shuffled<T>(of: readonly T[], random: () => number): T[] {
  const all = [...of];
  for (let at = all.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [all[at], all[other]] = [all[other] as T, all[at] as T];
  }
  return all;
}
