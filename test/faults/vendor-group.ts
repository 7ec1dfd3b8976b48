import { eventually } from '../support/processes.js';
import { eraseParams, vodClient } from '../support/simulator.js';
import { COLLEAGUE, type House, type HouseOptions, SUB_APP } from './house.js';
import type { VendorCell, VendorGroup } from './matrix.js';
import { strike } from './strikes.js';
import { TrackedErase } from './tracked-erase.js';

/** Three rounds of settling, and a slow machine. */
const END_WITHIN_MS = 240_000;

// What is tested here is what comes of an error, not how many submits fit into a second.
export const VENDOR_HOUSE: HouseOptions = { simulator: { submitsPerSecond: 0, readsPerSecond: 0 } };

/** Erases whose calls the vendor misbehaves on, all at once: each fault is for one file. */
export async function runVendorGroup(group: VendorGroup, house: House): Promise<readonly TrackedErase[]> {
  const cells = await Promise.all(group.cells.map(async (cell) => ({ cell, erases: await startCell(house, cell) })));
  const struck = cells.filter(({ cell }) => cell.also !== undefined && !cell.also.startsWith('colleague'));
  await Promise.all(struck.flatMap((each) => each.erases).map((erase) => submitted(house, erase)));
  await Promise.all(struck.map(({ cell, erases }) => doBesides(house, cell, erases)));
  const toCancel = cells.filter(({ cell }) => cell.also === 'colleague, then cancel when held');
  await Promise.all(toCancel.flatMap((each) => each.erases).map(cancelWhenHeld));
  const erases = cells.flatMap((each) => each.erases);
  const deadlineMs = performance.now() + END_WITHIN_MS;
  await Promise.all(erases.map((erase) => erase.waitForEnd(deadlineMs)));
  return erases;
}

async function startCell(house: House, cell: VendorCell): Promise<TrackedErase[]> {
  const make = async () => {
    const request = await house.request();
    const foreignTasks = new Set<string>();
    const erase = new TrackedErase(house, cell.name, request, cell.ends, { because: cell.because, foreignTasks });
    if (cell.also?.startsWith('colleague')) {
      foreignTasks.add(await colleagueErases(house, request.fileId));
      erase.deed('a colleague started the same erase at the console');
    }
    await house.fault(request.fileId, ...cell.faults);
    house.faults += cell.faults.length;
    await erase.start();
    return erase;
  };
  return await Promise.all(Array.from({ length: cell.count }, make));
}

/** Until the vendor has had so many submits of it, and has misbehaved on them. */
async function submitted(house: House, { cell, request: { fileId } }: TrackedErase, times = 1): Promise<void> {
  await eventually(
    `${times} submits of ${cell}`,
    async () => {
      const calls = await house.simulator.admin.calls();
      const ours = calls.filter((call) => call.action === 'ProcessMediaByMPS' && call.fileId === fileId);
      return ours.length >= times || undefined;
    },
    90_000,
  );
}

async function cancelWhenHeld(erase: TrackedErase): Promise<void> {
  await eventually(`${erase.cell}: the hold`, async () => (await erase.phase()) === 'held' || undefined, 90_000);
  await strike(erase.house, 'cancel', [erase]);
}

async function doBesides(house: House, { also }: VendorCell, erases: readonly TrackedErase[]): Promise<void> {
  if (also === undefined || also === 'colleague' || also === 'colleague, then cancel when held') return;
  if (also === 'listed after both') return await listAfterBoth(house, erases);
  const undo = await strike(house, also, erases);
  await undo();
}

/** The vendor lists none of their tasks before it has accepted a second one. */
async function listAfterBoth(house: House, erases: readonly TrackedErase[]): Promise<void> {
  await Promise.all(
    erases.map(async (erase) => {
      await submitted(house, erase, 2);
      await house.simulator.admin.release(erase.request.fileId, SUB_APP);
    }),
  );
}

/** The same file and recipe, from the console: with the words of the API document, as we send them. */
export async function colleagueErases(house: House, fileId: string, subAppId = SUB_APP): Promise<string> {
  const { TaskId } = await vodClient(house.simulator.url, COLLEAGUE).ProcessMediaByMPS({
    FileId: fileId,
    SubAppId: subAppId,
    MPSProcessMediaParams: eraseParams('subtitle_erase_fast'),
  });
  if (!TaskId) throw new Error('The simulator gave no TaskId.');
  return TaskId;
}
