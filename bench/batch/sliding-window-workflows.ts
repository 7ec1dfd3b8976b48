import {
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';

/** The sliding-window batch of Temporal's public samples, in a few lines: children report by a signal to their parent's id. */

const done = defineSignal<[number]>('done');

export interface WindowInput {
  items: number;
  window: number;
  page: number;
  next: number;
  open: number[];
}

export async function slidingWindow({ items, window, page, next: from, open: before }: WindowInput): Promise<void> {
  const open = new Set(before);
  let next = from;
  setHandler(done, (item) => void open.delete(item));
  while (next < Math.min(items, from + page)) {
    await condition(() => open.size < window);
    const item = next++;
    open.add(item);
    await startChild(oneItem, {
      workflowId: `${workflowInfo().workflowId}/${item}`,
      args: [item, workflowInfo().workflowId],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  }
  if (next < items) await continueAsNew<typeof slidingWindow>({ items, window, page, next, open: [...open] });
  await condition(() => open.size === 0);
}

export async function oneItem(item: number, parentId: string): Promise<void> {
  await getExternalWorkflowHandle(parentId).signal(done, item);
}
