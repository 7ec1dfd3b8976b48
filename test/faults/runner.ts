import { type Balance, balance } from './books.js';
import { crossingsHouse, runCrossingsGroup } from './crossings-group.js';
import { nameOf } from './crossings-matrix.js';
import { House, type HouseOptions, type Missed } from './house.js';
import type { Group } from './matrix.js';
import type { SharedServers } from './servers.js';
import { tellStories } from './story.js';
import { runStrikeGroup, strikeHouse } from './strike-group.js';
import type { TrackedErase } from './tracked-erase.js';
import { runVendorGroup, VENDOR_HOUSE } from './vendor-group.js';

export interface Totals {
  cells: number;
  erases: number;
  faults: number;
  duplicates: number;
  lost: number;
  /** Of batches. */
  budgetsPassed: number;
  /** Runs and batches that have not ended. */
  leftOpen: number;
  held: number;
  /** Any other failure: a wrong end, a missed moment, or a broken group. */
  problems: number;
  /** A sentence for each that must not be. */
  wrong: readonly string[];
}

export const NOTHING: Totals = {
  cells: 0,
  erases: 0,
  faults: 0,
  duplicates: 0,
  lost: 0,
  budgetsPassed: 0,
  leftOpen: 0,
  held: 0,
  problems: 0,
  wrong: [],
};

/**
 * Runs groups, `lanes` at a time, and adds up their books. A group whose moments pass before its strikes, again and again, is
 * run once more when nothing else does.
 */
export async function runGroups(
  groups: readonly Group[],
  servers: SharedServers,
  lanes: number,
  say: (line: string) => void,
): Promise<Totals> {
  const waiting = [...groups];
  const totals: Totals[] = [];
  const late: Group[] = [];
  const settleGroup = (group: Group) => {
    const [options] = workOf(group);
    return settle(group.name, servers, options, (only) => workOf(narrowed(group, only))[1], say);
  };
  const lane = async () => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      const one = await settleGroup(group);
      if (one.missed.length > 0) late.push(narrowed(group, cellsOf(one.missed)));
      totals.push(one.totals);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  for (const group of late) {
    say(`${group.name}: by itself now`);
    totals.push(withMissed(group.name, await settleGroup(group), say));
  }
  return totals.reduce(add, NOTHING);
}

function workOf(group: Group): [HouseOptions, Work] {
  switch (group.kind) {
    case 'strikes':
      return [strikeHouse(group), (house) => withBooks(house, runStrikeGroup(group, house))];
    case 'vendor':
      return [VENDOR_HOUSE, (house) => withBooks(house, runVendorGroup(group, house))];
    case 'crossings':
      return [crossingsHouse(group), (house) => runCrossingsGroup(group, house)];
  }
}

/** The same group with these cells alone. */
function narrowed(group: Group, only: ReadonlySet<string> | undefined): Group {
  if (only === undefined) return group;
  switch (group.kind) {
    case 'strikes':
      return { ...group, moments: group.moments.filter((moment) => only.has(moment)) };
    case 'crossings':
      return { ...group, cells: group.cells.filter((cell) => only.has(nameOf(cell))) };
    case 'vendor':
      return group;
  }
}

const cellsOf = (missed: readonly Missed[]) => new Set(missed.map(({ cell }) => cell));

/** What a group did in its house, and how its books are balanced. */
export type Work = (house: House) => Promise<Worked>;
export interface Worked {
  erases: readonly TrackedErase[];
  balance: () => Promise<Balance>;
  /** What else there is to say of it, in a few words. */
  told?: string;
}

export async function withBooks(house: House, work: Promise<readonly TrackedErase[]>): Promise<Worked> {
  const erases = await work;
  return { erases, balance: () => balance(house, erases) };
}

/** Cells whose moments had passed before their strike are set again, this often. */
const ATTEMPTS = 3;

/** A group's records, and which of its cells the last attempt did not strike. */
export interface Settled {
  totals: Totals;
  missed: readonly Missed[];
}

/** What was not struck was not shown. */
export function withMissed(name: string, { totals, missed }: Settled, say: (line: string) => void): Totals {
  for (const { what } of missed) say(`${name}: ${what}`);
  const wrong = [...totals.wrong, ...missed.map(({ what }) => `${name}: ${what}`)];
  return { ...totals, problems: totals.problems + missed.length, wrong };
}

/**
 * Runs a group in a house of its own and balances its books. Never throws: a group that breaks is a problem. What an
 * attempt missed is done once more, and nothing else of it.
 * @param workOf the work of these cells; of all when there are none
 */
export async function settle(
  name: string,
  servers: SharedServers,
  options: HouseOptions,
  workOf: (only: ReadonlySet<string> | undefined) => Work,
  say: (line: string) => void,
): Promise<Settled> {
  let all = NOTHING;
  let only: ReadonlySet<string> | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const { totals, missed } = await settleOnce(name, servers, options, workOf(only), say);
    only = cellsOf(missed);
    all = add(all, { ...totals, cells: totals.cells - only.size });
    if (missed.length === 0 || attempt === ATTEMPTS) return { totals: all, missed };
    say(`${name}: ${missed[0]?.what} The machine is too busy; ${only.size} cells once more.`);
  }
}

async function settleOnce(
  name: string,
  servers: SharedServers,
  options: HouseOptions,
  work: Work,
  say: (line: string) => void,
): Promise<Settled> {
  const startedMs = performance.now();
  let house: House | undefined;
  try {
    house = await House.start(name, servers, options);
    await house.startWorker();
    const { erases, balance, told } = await work(house);
    const books = await balance();
    for (const story of await tellStories(books.mismatches)) say(story);
    for (const problem of house.problems) say(`${name}: ${problem}`);
    const totals = totalsOf(house, erases, books);
    const words = `${totals.cells} cells, ${totals.erases} erases, ${totals.duplicates} duplicates, ${totals.lost} lost, ${totals.leftOpen} open, ${totals.budgetsPassed} budgets passed`;
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    say(
      `${name}: ${words}, ${totals.held} held, ${totals.problems} problems, ${seconds} s${told === undefined ? '' : `; ${told}`}`,
    );
    return { totals, missed: house.missed };
  } catch (error) {
    say(`${name}: broke: ${error instanceof Error ? error.stack : String(error)}`);
    for (const line of house?.diary.slice(-20) ?? []) say(`  ${line}`);
    const wrong = [`${name}: broke: ${String(error)}`];
    return { totals: { ...NOTHING, problems: 1, wrong }, missed: [] };
  } finally {
    await house?.stop();
  }
}

function totalsOf(house: House, erases: readonly TrackedErase[], books: Balance): Totals {
  return {
    cells: new Set(erases.map((erase) => erase.cell)).size,
    erases: erases.length,
    faults: house.faults,
    duplicates: books.duplicates,
    lost: books.lost,
    budgetsPassed: books.budgetsPassed,
    leftOpen: books.leftOpen,
    held: books.held,
    problems: house.problems.length + books.mismatches.filter(({ kind }) => kind === 'wrong').length,
    wrong: [
      ...books.mismatches.map(
        ({ kind, what, erase }) => `${house.name}: ${kind}: ${what} (${erase.cell}, ${erase.workflowId})`,
      ),
      ...house.problems.map((problem) => `${house.name}: ${problem}`),
    ],
  };
}

export function add(a: Totals, b: Totals): Totals {
  const { wrong, ...numbers } = a;
  const sums = Object.entries(numbers).map(([name, value]) => [name, value + Number(b[name as keyof Totals])]);
  return { ...(Object.fromEntries(sums) as Totals), wrong: [...wrong, ...b.wrong] };
}
