import { ApiError, invalidValue } from '../api-error.js';
import { taskDetail } from '../task-answers.js';
import type { Action } from './action.js';

/** A TaskId is opaque, but always has three parts joined by hyphens. */
const TASK_ID = /^\d+-\w+-\w+$/;

export const describeTaskDetail: Action = {
  parameters: { TaskId: 'string!', SubAppId: 'integer' },
  rate: 'read',
  run({ account, parameters, subAppId }) {
    const taskId = parameters.TaskId as string;
    if (!TASK_ID.test(taskId))
      throw invalidValue('TaskId', 'it is not the id of a task', 'InvalidParameterValue.TaskId');
    const task = account.readableTask(taskId, subAppId);
    if (!task) throw new ApiError('ResourceNotFound', 'The task does not exist, or was submitted too long ago.');
    return taskDetail(task, account);
  },
};
