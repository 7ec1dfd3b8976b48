import { type Balance, balance } from './books.js';
import { crossingsHouse, runCrossingsGroup } from './crossings-group.js';
import { House, type HouseOptions } from './house.js';
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
  /** Whatever else must not be: a wrong end, a moment that was missed, a group that broke. */
  problems: number;
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
  const settleGroup = async (group: Group) => {
    const [options, work] = workOf(group);
    return await settle(group.name, servers, options, work, say);
  };
  const lane = async () => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      const one = await settleGroup(group);
      if (one.missed.length > 0) late.push(group);
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

/** A group whose moments had passed before its strike is set again, this often. */
const ATTEMPTS = 3;

/** A group's books, and which of its moments the last attempt did not strike. */
export interface Settled {
  totals: Totals;
  missed: readonly string[];
}

/** What was not struck was not shown. */
export function withMissed(name: string, { totals, missed }: Settled, say: (line: string) => void): Totals {
  for (const each of missed) say(`${name}: ${each}`);
  return { ...totals, problems: totals.problems + missed.length };
}

/**
 * Runs a group in a house of its own and balances its books. Never throws: a group that breaks is a problem. The books
 * of an attempt that missed its moments count all the same, its cells do not.
 */
export async function settle(
  name: string,
  servers: SharedServers,
  options: HouseOptions,
  work: Work,
  say: (line: string) => void,
): Promise<Settled> {
  let all = NOTHING;
  for (let attempt = 1; ; attempt += 1) {
    const { totals, missed } = await settleOnce(name, servers, options, work, say);
    all = add(all, missed.length > 0 ? { ...totals, cells: 0 } : totals);
    if (missed.length === 0 || attempt === ATTEMPTS) return { totals: all, missed };
    say(`${name}: ${missed[0]} The machine is too busy; once more.`);
  }
}

async function settleOnce(
  name: string,
  servers: SharedServers,
  options: HouseOptions,
  work: Work,
  say: (line: string) => void,
): Promise<{ totals: Totals; missed: readonly string[] }> {
  const startedMs = Date.now();
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
    const seconds = Math.round((Date.now() - startedMs) / 1_000);
    say(
      `${name}: ${words}, ${totals.held} held, ${totals.problems} problems, ${seconds} s${told === undefined ? '' : `; ${told}`}`,
    );
    return { totals, missed: house.missed };
  } catch (error) {
    say(`${name}: broke: ${error instanceof Error ? error.stack : String(error)}`);
    for (const line of house?.diary.slice(-20) ?? []) say(`  ${line}`);
    return { totals: { ...NOTHING, problems: 1 }, missed: [] };
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
  };
}

export function add(a: Totals, b: Totals): Totals {
  return Object.fromEntries(
    Object.entries(a).map(([name, value]) => [name, value + b[name as keyof Totals]]),
  ) as unknown as Totals;
}
