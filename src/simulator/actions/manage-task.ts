import { ApiError, invalidValue } from '../api-error.js';
import type { Action } from './action.js';

export const manageTask: Action = {
  parameters: { TaskId: 'string!', OperationType: 'string!', SubAppId: 'integer' },
  rate: 'write',
  run({ account, parameters, subAppId }) {
    if (parameters.OperationType !== 'Abort')
      throw invalidValue('OperationType', 'it must be Abort', 'InvalidParameterValue.InvalidOperationType');
    const task = account.readableTask(parameters.TaskId as string, subAppId);
    if (!task) throw new ApiError('ResourceNotFound', 'The task does not exist, or was submitted too long ago.');
    if (!account.tasks.abort(task))
      throw new ApiError('FailedOperation', 'Only a task that is WAITING can be aborted.');
    return {};
  },
};
