import type { EraseRequest } from '../../src/contract/request.js';
import { waitUntil } from '../../src/local/wait-until.js';
import type { FaultSpec } from '../../src/simulator/index.js';
import { type CrossedBatch, type CrossedCell, CrossedErase } from './crossed-erase.js';
import { pauseIt } from './crossings-events.js';
import { type Crossing, type MustItem, nameOf, type State } from './crossings-matrix.js';
import type { Stage } from './crossings-stage.js';
import { SUB_APP } from './house.js';
import { colleagueErases } from './vendor-group.js';

/** Each state is reached within seconds; this is for a busy machine. */
const STATE_WITHIN_MS = 120_000;
/** Long enough for everything to be set before it. */
const EXPIRES_AFTER_MS = 30_000;
const SUBMIT = 'ProcessMediaByMPS';
const HOUR_MS = 3_600_000;
/** A refusal of the file itself: the item fails, and nothing is spent. */
const REFUSAL = 'InvalidParameterValue.FileType';
/** Of a task, on the vendor's side: it is paid for once more. */
const VENDOR_FAILURE = 'InternalError.Model';
/** For two files of 10 s at 720p, and not for three. */
const FOR_TWO_USD = 0.08;
const FOR_NONE_USD = 0.01;

/** Its time passed before it came to its state: it has to be brought there once more. */
export class TooLate extends Error {}

/** One cell: its erases and batches, brought to the state in which the event comes. */
export class CrossingScene {
  readonly name: string;
  /** Of what is made for this cell: keys, batches, files. */
  readonly id: string;
  readonly subAppId: number;
  readonly erases: CrossedErase[] = [];
  readonly batches: CrossedBatch[] = [];
  readonly problems: string[] = [];
  /** Other files of its batch. */
  readonly otherFiles: string[] = [];
  readonly expireTime: string;
  private of: CrossedErase | undefined;

  constructor(
    readonly stage: Stage,
    readonly cell: Crossing,
  ) {
    this.name = nameOf(cell);
    this.id = this.name.replace(/\W+/g, '-').replace(/-$/, '');
    const alone = cell.state === 'held' || cell.change === 'allow-list';
    this.subAppId = alone ? stage.ownSubApp() : SUB_APP;
    this.expireTime = new Date(Date.now() + EXPIRES_AFTER_MS).toISOString();
  }

  get house() {
    return this.stage.house;
  }

  /** The erase that is hit. */
  get target(): CrossedErase {
    if (this.of === undefined) throw new Error(`${this.name} has no erase yet.`);
    return this.of;
  }

  get fileId(): string {
    return this.target.request.fileId;
  }

  /** @throws TooLate when the machine was too busy for its state */
  async bring(): Promise<void> {
    const expired = () => this.cell.change === 'expiry' && Date.now() > Date.parse(this.expireTime);
    try {
      await BRING[this.cell.state](this);
    } catch (error) {
      throw expired() ? new TooLate() : error;
    }
    if (expired()) throw new TooLate();
    this.target.deed(`came to the state: ${this.cell.state}`);
  }

  /** An erase of its own key. */
  async live(fields: Partial<EraseRequest>, ...faults: Omit<FaultSpec, 'fileId'>[]): Promise<void> {
    const { house, subAppId, id } = this;
    const request = await house.request({ subAppId, key: id, ...this.publishing(fields) });
    // The gate knows the publish step's file by this name.
    if (request.publish !== undefined) request.publish = { ...request.publish, name: request.fileId };
    await house.fault(request.fileId, ...faults);
    house.faults += faults.length;
    this.of = this.add(new CrossedErase(house, this.name, request, this.cell.run));
    await this.target.start();
  }

  private publishing(fields: Partial<EraseRequest>): Partial<EraseRequest> {
    if (this.cell.change !== 'expiry') return fields;
    return { ...fields, publish: { ...fields.publish, expireTime: this.expireTime } };
  }

  add(erase: CrossedErase): CrossedErase {
    this.erases.push(erase);
    return erase;
  }

  /** The first item of the batch that was started last is the one that is hit. */
  async hitItem(batchId: string): Promise<void> {
    const { house, name, cell } = this;
    const { rows } = await house.sql.query<{ workflow_id: string; request: EraseRequest }>(
      'select workflow_id, request from batch_item where batch_id = $1 and number = 1',
      [batchId],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`The batch ${batchId} has no items.`);
    this.of = this.add(CrossedErase.of(house, name, { request: row.request, workflowId: row.workflow_id }, cell.run));
  }

  async startBatch(requests: readonly EraseRequest[], batch: CrossedBatch, ...options: string[]): Promise<void> {
    const list = await this.stage.write(`${batch.id}.csv`, csv(requests));
    const source = [list, '--recipe', 'subtitles', '--sub-app-id', String(this.subAppId)];
    await this.stage.command(['batch', 'start', ...source, '--id', batch.id, ...options, '--yes', '-o', 'json']);
    this.batches.push(batch);
  }

  newBatch(id: string, item: MustItem, fields: Partial<CrossedBatch> = {}): CrossedBatch {
    return { id, item, others: { state: 'succeeded' }, ends: 'completed', ...fields };
  }

  /** The batch in which the target is hit. */
  hitBatch(id = this.id): CrossedBatch {
    const { item, others, ends } = this.cell;
    if (item === undefined) throw new Error(`${this.name} does not say what becomes of its item.`);
    return this.newBatch(id, item, { ...(others && { others }), ...(ends && { ends }) });
  }

  async keepTask(fileId: string): Promise<void> {
    const kind = this.cell.task === 'PROCESSING' ? 'stays-processing' : 'stays-waiting';
    await this.house.fault(fileId, { action: SUBMIT, kind });
  }

  async phase(wanted: string, erase: CrossedErase = this.target): Promise<void> {
    await this.until(`the phase ${wanted}`, async () => {
      // A run of a batch begins a moment after its batch.
      const phase = await erase.phase().catch(() => undefined);
      return phase === wanted;
    });
  }

  async until(what: string, holds: () => Promise<boolean>, withinMs = STATE_WITHIN_MS): Promise<void> {
    // Ten cells poll often enough: each poll is a read of the server.
    const found = await waitUntil(async () => (await holds()) || undefined, { timeoutMs: withinMs, everyMs: 250 });
    if (found === undefined) throw new Error(`${this.name}: ${what}: not within ${withinMs / 1_000} s`);
  }

  async batchEnds(batchId: string): Promise<void> {
    await this.until(`the end of ${batchId}`, async () => (await this.batchRow(batchId)).state === 'ended');
  }

  async batchRow(batchId: string): Promise<{ state: string; waiting_for: string | null }> {
    const { rows } = await this.house.sql.query<{ state: string; waiting_for: string | null }>(
      'select state, waiting_for from batch where id = $1',
      [batchId],
    );
    if (rows[0] === undefined) throw new Error(`There is no batch ${batchId}.`);
    return rows[0];
  }

  async letGo(): Promise<void> {
    const { admin } = this.house.simulator;
    await Promise.all([this.fileId, ...this.otherFiles].map((fileId) => admin.release(fileId, this.subAppId)));
  }

  leaves(): CrossedCell {
    const { cell, name, target, erases, batches, problems } = this;
    const hit = { fileId: this.fileId, accepted: cell.tasks, aborted: cell.aborted ?? 0 };
    const others = this.otherFiles.map((fileId) => ({ fileId, accepted: cell.otherTasks ?? 1, aborted: 0 }));
    return { name, target, erases, batches, problems, tasks: [hit, ...others] };
  }
}

function csv(requests: readonly EraseRequest[]): string {
  return `fileId,key\n${requests.map(({ fileId, key }) => `${fileId},${key ?? ''}`).join('\n')}\n`;
}

const BRING: Record<State, (scene: CrossingScene) => Promise<void>> = {
  async held(scene) {
    await scene.live({}, { action: SUBMIT, kind: 'error', code: 'UnauthorizedOperation' });
    await scene.phase('held');
  },

  async uncertain(scene) {
    const said = { action: SUBMIT, kind: 'error', code: 'InvalidParameterValue.SessionId', execute: true } as const;
    await scene.live({}, { action: SUBMIT, kind: 'late-listing', ms: HOUR_MS }, said);
    // Its submit still reconciles: that activity can be paused.
    if (scene.cell.event !== 'pause-activity') return await scene.phase('held');
    await scene.until('the doubt', () => inDoubt(scene, scene.fileId));
    await pauseIt(scene);
  },

  async waiting(scene) {
    await scene.live({}, keeping(scene));
    await scene.phase('waiting');
  },

  async review(scene) {
    await scene.live({ review: { timeoutHours: 24 }, publish: {} });
    await scene.phase('review');
  },

  async publishing(scene) {
    // Before it comes there: the gate is shut for the file.
    const request = await scene.house.request({ subAppId: scene.subAppId });
    scene.house.gate.shut(request.fileId, 'ModifyMediaInfo');
    await scene.live({ fileId: request.fileId, publish: { inherit: ['tags'] } });
    const shut = () => scene.house.gate.seen().some((c) => c.fileId === request.fileId && c.what === 'shut');
    await scene.until('publishing', async () => shut());
  },

  async joined(scene) {
    const { house, cell, name } = scene;
    if (cell.as === 'the batch that paid') await BRING.item(scene);
    else await BRING.waiting(scene);
    const { fileId, subAppId, recipe } = scene.target.request;
    const request = { fileId, subAppId, recipe, key: `${scene.id}-other` };
    const other = scene.add(new CrossedErase(house, name, request, cell.other ?? 'succeeded'));
    await other.start();
    await scene.phase('waiting', other);
  },

  async item(scene) {
    const { house, subAppId, cell } = scene;
    const { items, maxCost, firstFails } = cell.batch ?? { items: 2, maxCost: FOR_TWO_USD };
    const requests = await Promise.all(Array.from({ length: items }, () => house.request({ subAppId })));
    const [first, ...others] = requests as [EraseRequest, ...EraseRequest[]];
    await scene.keepTask(first.fileId);
    if (firstFails) await house.fault(first.fileId, { action: SUBMIT, kind: 'task-failure', code: VENDOR_FAILURE });
    scene.otherFiles.push(...others.map(({ fileId }) => fileId));
    const oneByOne = cell.batch === undefined ? [] : ['--concurrency', '1'];
    await scene.startBatch(requests, scene.hitBatch(), '--max-cost', String(maxCost), ...oneByOne);
    await scene.hitItem(scene.id);
    await scene.phase('waiting');
    if (cell.batch === undefined) await scene.until('the end of the others', () => onlyOneIsOpen(scene));
  },

  async redriven(scene) {
    const { house, subAppId, cell } = scene;
    if (cell.change === 'budget') return await redrivenInDoubt(scene);
    const request = await house.request({ subAppId });
    await house.fault(request.fileId, { action: SUBMIT, kind: 'error', code: REFUSAL });
    house.faults += 1;
    await scene.keepTask(request.fileId);
    const before = scene.newBatch(`${scene.id}-before`, { state: 'failed', code: REFUSAL });
    await scene.startBatch([request], before, '--max-cost', String(FOR_TWO_USD));
    await scene.batchEnds(before.id);
    await redrive(scene, before.id, FOR_TWO_USD);
    await scene.phase('waiting');
  },

  async adopted(scene) {
    const { house, subAppId, stage, id } = scene;
    const { fileId } = await house.request({ subAppId });
    await scene.keepTask(fileId);
    const taskId = await colleagueErases(house, fileId, subAppId);
    const list = await stage.write(`${id}.csv`, `fileId,taskId\n${fileId},${taskId}\n`);
    const source = [list, '--recipe', 'subtitles', '--sub-app-id', String(subAppId), '--id', id];
    await stage.command(['batch', 'adopt', ...source, '--reason', 'the fault suite', '--yes']);
    scene.batches.push(scene.hitBatch());
    await scene.hitItem(id);
    await scene.phase('waiting');
  },
};

function keeping({ cell }: CrossingScene): Omit<FaultSpec, 'fileId'> {
  return { action: SUBMIT, kind: cell.task === 'PROCESSING' ? 'stays-processing' : 'stays-waiting' };
}

/** Its submit never arrived, which is unknown when the batch is cancelled. */
async function redrivenInDoubt(scene: CrossingScene): Promise<void> {
  const { house, subAppId } = scene;
  const request = await house.request({ subAppId });
  house.gate.shut(request.fileId, SUBMIT);
  house.faults += 1;
  const before = scene.newBatch(`${scene.id}-before`, { state: 'cancelled' }, { ends: 'cancelled' });
  await scene.startBatch([request], before, '--max-cost', String(FOR_TWO_USD));
  await scene.until('the doubt', () => inDoubt(scene, request.fileId));
  await scene.stage.command(['batch', 'cancel', before.id, '--reason', 'the fault suite']);
  await scene.batchEnds(before.id);
  house.gate.open(request.fileId);
  await redrive(scene, before.id, FOR_NONE_USD);
}

async function redrive(scene: CrossingScene, batchId: string, mostUsd: number): Promise<void> {
  const { stage, id } = scene;
  await stage.command(['batch', 'redrive', batchId, '--id', id, '--max-cost', String(mostUsd), '--yes']);
  scene.batches.push(scene.hitBatch());
  await scene.hitItem(id);
}

/** A submit was sent, and its answer was inconclusive. */
async function inDoubt({ house }: CrossingScene, fileId: string): Promise<boolean> {
  const { rows } = await house.sql.query(
    `select from submission join erase on erase.id = erase_id
     where file_id = $1 and state = 'sending' and error_code is not null`,
    [fileId],
  );
  return rows.length > 0;
}

async function onlyOneIsOpen({ house, id }: CrossingScene): Promise<boolean> {
  const { rows } = await house.sql.query<{ open: number }>(
    'select count(*)::integer as open from batch_item where batch_id = $1 and ended_at is null',
    [id],
  );
  return rows[0]?.open === 1;
}
