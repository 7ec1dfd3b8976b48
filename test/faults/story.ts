import { ledgerRows, type Mismatch } from './books.js';

/** One story for each erase, with all that is wrong about it. */
export async function tellStories(mismatches: readonly Mismatch[]): Promise<string[]> {
  const byErase = new Map<Mismatch['erase'], Mismatch[]>();
  for (const each of mismatches) byErase.set(each.erase, [...(byErase.get(each.erase) ?? []), each]);
  return await Promise.all([...byErase].map(([erase, its]) => tellStory(erase, its)));
}

/** All that is known of an erase whose records disagree, so that a person can see what happened. */
async function tellStory(erase: Mismatch['erase'], its: readonly Mismatch[]): Promise<string> {
  const { house, request, workflowId, cell } = erase;
  const calls = (await house.simulator.admin.calls()).filter((call) => call.fileId === request.fileId);
  const rows = (await ledgerRows(house)).filter((row) => row.file_id === request.fileId);
  const time = (ms: number) => new Date(ms).toISOString();
  return [
    '',
    ...its.map(({ kind, what }) => `=== ${kind.toUpperCase()}: ${what}`),
    `cell: ${cell} (house ${house.name})`,
    `run:  ${workflowId}`,
    '--- what was done',
    ...erase.deeds,
    '--- what passed the gate',
    ...house.gate
      .seen()
      .filter((call) => call.fileId === request.fileId)
      .map((call) => `${time(call.at)} ${call.action} ${call.what}`)
      .slice(0, 60),
    '--- what the vendor saw',
    ...calls.map((call) => `${time(call.at)} ${call.action} ${call.outcome} ${call.taskId ?? ''}`).slice(0, 60),
    '--- the ledger',
    ...rows.map((row) => JSON.stringify(row)),
    '--- the end',
    JSON.stringify(erase.end),
    '--- the history',
    ...(await historyLines(erase)),
    '--- the house',
    ...house.diary.filter((line) => !/worker: \{/.test(line) || line.includes(workflowId)).slice(-30),
  ].join('\n');
}

async function historyLines({ run }: Mismatch['erase']): Promise<string[]> {
  try {
    const { events } = await run.fetchHistory();
    return (events ?? []).slice(-40).map((event) => {
      const seconds = Number(event.eventTime?.seconds ?? 0);
      const attributes = Object.entries(event).find(([name, value]) => name.endsWith('Attributes') && value)?.[1];
      const { activityType, activityId, failure } = (attributes ?? {}) as {
        activityType?: { name?: string };
        activityId?: string;
        failure?: { message?: string; cause?: { message?: string } };
      };
      const words = [activityType?.name, activityId, failure?.message, failure?.cause?.message];
      return `${event.eventId} ${new Date(seconds * 1_000).toISOString()} type ${event.eventType} ${words.filter(Boolean).join(' ')}`;
    });
  } catch (error) {
    return [`cannot be read: ${String(error)}`];
  }
}
