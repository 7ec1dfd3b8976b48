import { invalidValue } from '../api-error.js';
import { listTasks } from '../listing.js';
import type { TaskStatus } from '../task.js';
import { taskSummary } from '../task-answers.js';
import { type Action, numberWithin, sortOrder, timeRange } from './action.js';

/** API document: a page has 10 tasks by default, and 100 at most. */
const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 100;
const STATUSES = ['WAITING', 'PROCESSING', 'FINISH'];

export const describeTasks: Action = {
  parameters: {
    SubAppId: 'integer',
    Status: 'string',
    FileId: 'string',
    CreateTime: 'object',
    FinishTime: 'object',
    Sort: 'object',
    Limit: 'integer',
    ScrollToken: 'string',
  },
  rate: 'read',
  run(context) {
    const { account, parameters, subAppId } = context;
    const status = parameters.Status as TaskStatus | undefined;
    if (status !== undefined && !STATUSES.includes(status))
      throw invalidValue('Status', `it must be ${STATUSES.join(', ')}`, 'InvalidParameterValue.Status');
    const sort = sortOrder(context, ['CreateTime', 'FinishTime']);
    const created = timeRange(context, 'CreateTime');
    account.tasks.advance();
    const page = listTasks(
      account.tasks,
      {
        subAppId,
        status,
        fileId: parameters.FileId as string | undefined,
        createdFromMs: Math.max(created?.fromMs ?? 0, account.retentionStartMs()),
        createdBeforeMs: created?.beforeMs ?? Number.POSITIVE_INFINITY,
        finished: timeRange(context, 'FinishTime'),
        sortBy: sort?.field === 'FinishTime' ? 'FinishTime' : 'CreateTime',
        descending: sort?.descending ?? true,
        limit: numberWithin(context, 'Limit', DEFAULT_LIMIT, 1, MAX_LIMIT),
        scrollToken: (parameters.ScrollToken as string | undefined) ?? '',
      },
      account.clock.now(),
    );
    if (!page) throw invalidValue('ScrollToken', 'it does not belong to this query');
    // An empty list is null, as documented for arrays without a value.
    return {
      TaskSet: page.tasks.length === 0 ? null : page.tasks.map((task) => taskSummary(task, account)),
      ScrollToken: page.scrollToken,
    };
  },
};
