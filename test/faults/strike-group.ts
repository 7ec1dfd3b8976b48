import { setTimeout as sleep } from 'node:timers/promises';
import type { EraseRequest } from '../../src/contract/request.js';
import { eventually } from '../support/processes.js';
import { type House, type HouseOptions, REFUSED_SUB_APP } from './house.js';
import type { Moment, StrikeGroup } from './matrix.js';
import { strike } from './strikes.js';
import { TrackedErase } from './tracked-erase.js';
import type { GateHold } from './vendor-gate.js';

/** A call is held back for less than this; it covers a read at the worker's slowest moment. */
const REQUEST_TIMEOUT_SECONDS = 8;
const SETTLE_SECONDS = 22;
/** From the strike until a request arrives that was on its way. */
const UNDERWAY_MS = 2_000;
/** A request may be in flight for at most the settle time: what the vendor accepts after that cannot be known. */
const UNDERWAY_AT_MOST_MS = (SETTLE_SECONDS - 8) * 1_000;
/** A second strike comes at the first search for a lost task, or after this. */
const SECOND_STRIKE_MS = 40_000;
/** Each moment is reached within seconds; this is for a busy machine. */
const SCENE_WITHIN_MS = 90_000;
/** After the last strike, every run must have ended. */
const END_WITHIN_MS = 240_000;

export function strikeHouse(group: StrikeGroup): HouseOptions {
  return {
    ownTemporal: group.strikes.includes('temporal-kill'),
    env: {
      VOD_REQUEST_TIMEOUT_SECONDS: String(REQUEST_TIMEOUT_SECONDS),
      VOD_SETTLE_SECONDS: String(SETTLE_SECONDS),
    },
  };
}

/** Brings erases to every moment at once, strikes, and waits for their ends. */
export async function runStrikeGroup(group: StrikeGroup, house: House): Promise<readonly TrackedErase[]> {
  const scene = new Scene(house, group);
  await scene.set();
  const erases = [...scene.erases.values()].flat();
  for (const [at, what] of group.strikes.entries()) {
    if (at > 0) await untilLookedFor(house);
    const undo = await strike(house, what, erases);
    if (at === 0) scene.release();
    await undo();
  }
  await house.heal();
  const deadlineMs = performance.now() + END_WITHIN_MS;
  await Promise.all(erases.map((erase) => erase.waitForEnd(deadlineMs)));
  return erases;
}

async function untilLookedFor(house: House): Promise<void> {
  const from = house.gate.seen().length;
  const looked = () =>
    house.gate
      .seen()
      .slice(from)
      .some((call) => call.action === 'DescribeTasks');
  await eventually('a look', () => looked() || undefined, SECOND_STRIKE_MS).catch(() => undefined);
}

/** The erases of a group, each at its moment. */
class Scene {
  readonly erases = new Map<Moment, TrackedErase[]>();
  private readonly holds = new Map<Moment, GateHold[]>();

  constructor(
    private readonly house: House,
    private readonly group: StrikeGroup,
  ) {}

  /** The moments that last come first; those that a timeout ends come last, together. */
  async set(): Promise<void> {
    await Promise.all([this.bring('done'), this.bring('held'), this.bring('review'), this.bring('waiting')]);
    const together = ['fetching', 'publishing', 'lost', 'underway', 'accepted', 'answered'] as const;
    await Promise.all(together.map((moment) => this.bring(moment)));
    await this.bring('placed');
    await this.freezeAnswered();
    this.check();
  }

  /** What was held back goes where it was to go. */
  release(): void {
    const all = (moment: Moment, how: 'deliver' | 'lose') => {
      for (const hold of this.holds.get(moment) ?? []) hold.release(how);
    };
    this.house.holdLastLooks(false);
    all('lost', 'lose');
    for (const moment of ['accepted', 'fetching', 'publishing'] as const) all(moment, 'deliver');
    setTimeout(() => all('underway', 'deliver'), UNDERWAY_MS);
    for (const erase of this.erases.get('waiting') ?? []) this.house.gate.letFinish(erase.request.fileId);
  }

  private async bring(moment: Moment): Promise<void> {
    const { house, group } = this;
    if (!group.moments.includes(moment)) return;
    const erases = await Promise.all(Array.from({ length: group.count }, () => this.make(moment)));
    this.erases.set(moment, erases);
    if (moment === 'placed') house.holdLastLooks(true);
    await Promise.all(erases.map((erase) => erase.start()));
    await Promise.all(erases.map((erase) => this.reached(moment, erase)));
  }

  private async make(moment: Moment): Promise<TrackedErase> {
    const { house, group } = this;
    const fields: Partial<EraseRequest> = FIELDS_OF[moment] ?? {};
    let request = await house.request(fields);
    const { fileId } = request;
    // The gate knows the publish step's file by this name.
    if (moment === 'publishing') request = { ...request, publish: { name: fileId } };
    if (moment === 'waiting') house.gate.keepRunning(fileId);
    if (moment === 'held') {
      await house.fault(fileId, { action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation' });
    }
    const place = PLACE_OF[moment];
    if (place !== undefined) this.hold(moment, house.gate.hold(fileId, ...place));
    return new TrackedErase(
      house,
      `${group.strikes.join(', then ')} × ${moment}`,
      request,
      group.strikes.includes('cancel') ? 'truth' : 'succeeded',
      { operator: moment === 'held', reviewer: moment === 'review' },
    );
  }

  private hold(moment: Moment, hold: GateHold): void {
    if (moment === 'underway') {
      void hold.reached.then(() => setTimeout(() => hold.release('deliver'), UNDERWAY_AT_MOST_MS));
    }
    this.holds.set(moment, [...(this.holds.get(moment) ?? []), hold]);
  }

  private async reached(moment: Moment, erase: TrackedErase): Promise<void> {
    const hold = this.holds.get(moment)?.find(({ fileId }) => fileId === erase.request.fileId);
    await eventually(
      `${erase.cell} (${erase.workflowId})`,
      async () => {
        if (hold !== undefined) return hold.hasReached() || undefined;
        if (moment === 'placed') return (await this.isPlaced(erase.request.fileId)) || undefined;
        const phase = moment === 'done' ? 'succeeded' : moment;
        return (await erase.phase()) === phase || undefined;
      },
      SCENE_WITHIN_MS,
    );
    erase.deed(`came to the moment: ${moment}`);
  }

  private async isPlaced(fileId: string): Promise<boolean> {
    const { rows } = await this.house.sql.query(
      `select from submission join erase on erase.id = erase_id
       where file_id = $1 and state = 'sending'`,
      [fileId],
    );
    return rows.length > 0;
  }

  /** The answers arrive while the ledger cannot be reached. */
  private async freezeAnswered(): Promise<void> {
    const holds = this.holds.get('answered') ?? [];
    if (holds.length === 0) return;
    this.house.database.freeze();
    for (const hold of holds) hold.release('deliver');
    await Promise.all(holds.map(({ passed }) => passed));
    // From the kernel's buffer into the worker, which then waits for the ledger.
    await sleep(150);
  }

  /** A cell whose moment had passed before the strike shows nothing. */
  private check(): void {
    for (const [moment, holds] of this.holds) {
      for (const hold of holds) {
        if (!hold.clientIsThere() && moment !== 'answered') {
          const what = `The moment ${moment} of file ${hold.fileId} had passed before the strike.`;
          this.house.missed.push({ cell: moment, what });
        }
      }
    }
  }
}

const FIELDS_OF: Partial<Record<Moment, Partial<EraseRequest>>> = {
  held: { subAppId: REFUSED_SUB_APP },
  review: { review: { timeoutHours: 24 } },
};

const PLACE_OF: Partial<Record<Moment, [string, 'request' | 'answer']>> = {
  lost: ['ProcessMediaByMPS', 'request'],
  underway: ['ProcessMediaByMPS', 'request'],
  accepted: ['ProcessMediaByMPS', 'answer'],
  answered: ['ProcessMediaByMPS', 'answer'],
  fetching: ['DescribeTaskDetail', 'answer'],
  publishing: ['ModifyMediaInfo', 'answer'],
};
