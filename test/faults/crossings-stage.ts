import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliEnd } from '../support/cli.js';
import { runCli } from '../support/cli.js';
import type { House } from './house.js';

/** First of the sub-applications that cells have for themselves: a breaker, or an allow-list, is then about one cell. */
const FIRST_OWN_SUB_APP = 1500001001;
const OWN_SUB_APPS = 40;
/** A command on a busy machine. */
const COMMAND_WITHIN_MS = 120_000;
/** Node takes most of a core for its start. */
const COMMANDS_AT_ONCE = 2;
const LOOK_EVERY_MS = 400;
/** Sums of prices are not exact to the last digit. */
const ROUNDING_USD = 1e-6;

export const ownSubApps = Array.from({ length: OWN_SUB_APPS }, (_, at) => FIRST_OWN_SUB_APP + at);

/** What the cells of a group share besides their house: commands, a folder, sub-applications, and an eye on the budgets. */
export class Stage {
  private subApps = 0;
  private running = 0;
  private readonly queue: (() => void)[] = [];
  /** Moments at which more was spent than allowed. */
  readonly passed: string[] = [];

  private constructor(
    readonly house: House,
    readonly folder: string,
  ) {}

  static async open(house: House): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'smart-erase-faults-'));
    house.reaper.addFolder(folder);
    return new Stage(house, folder);
  }

  ownSubApp(): number {
    const subAppId = ownSubApps[this.subApps];
    if (subAppId === undefined) throw new Error('There are more cells than sub-applications of their own.');
    this.subApps += 1;
    return subAppId;
  }

  /** A file of the folder. */
  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** The built command, as an operator runs it. @throws when it ends with another code than one of `codes` */
  async command(args: readonly string[], codes: readonly number[] = [0]): Promise<CliEnd> {
    const end = await this.inTurn(() => runCli(args, this.house.env, { timeoutMs: COMMAND_WITHIN_MS }));
    this.house.note(`smart-erase ${args.join(' ')}: ${end.code} ${`${end.stdout} ${end.stderr}`.slice(0, 2_000)}`);
    if (!codes.includes(end.code ?? -1)) {
      throw new Error(`smart-erase ${args.join(' ')} ended with ${end.code}: ${end.stderr.trim()}`);
    }
    return end;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= COMMANDS_AT_ONCE) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.running += 1;
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }

  /** Looks at all budgets until `over`: what is spent may not grow where it is above what the batch may spend. */
  async watchBudgets(over: AbortSignal): Promise<void> {
    const before = new Map<string, { spent: number; most: number | null }>();
    while (!over.aborted) {
      for (const { id, spent, most } of await this.spentByBatch().catch(() => [])) {
        const then = before.get(id) ?? { spent: 0, most };
        before.set(id, { spent, most });
        // A budget that was lowered since the last check may have been higher when this was spent.
        const allowed = most === null || then.most === null ? null : Math.max(most, then.most);
        if (allowed === null || spent <= allowed + ROUNDING_USD || spent <= then.spent + ROUNDING_USD) continue;
        this.passed.push(`the batch ${id} has spent ${spent} of ${allowed} USD`);
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }

  private async spentByBatch() {
    const { rows } = await this.house.sql.query<{ id: string; spent: number; most: number | null }>(
      `select batch.id, coalesce(sum(cost_usd) filter (where cost_day is not null), 0)::double precision as spent,
         (settings->>'maxCostUsd')::double precision as most
       from batch left join submission on submission.batch_id = batch.id group by batch.id`,
    );
    return rows;
  }
}
