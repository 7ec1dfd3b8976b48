import { invalidValue } from '../api-error.js';
import { subTasksOf } from '../submission.js';
import type { Action } from './action.js';

export const processMediaByMPS: Action = {
  parameters: {
    FileId: 'string!',
    SubAppId: 'integer!',
    MPSProcessMediaParams: 'string',
    AiAnalysisTask: 'object',
    SmartSubtitlesTask: 'object',
    SmartEraseTask: 'object',
    ExtInfo: 'string',
  },
  rate: 'submit',
  run({ account, parameters, subAppId, requestId }) {
    const subTasks = subTasksOf(parameters);
    const fileId = parameters.FileId as string;
    const known = account.options.acceptUnknownFiles ? /^\d{1,20}$/.test(fileId) : account.media.get(subAppId, fileId);
    if (!known) throw invalidValue('FileId', 'there is no such file', 'InvalidParameterValue.FileId');
    const task = account.start({ kind: 'ProcessMediaByMPS', subAppId, fileId, requestId, subTasks });
    return { TaskId: task.taskId };
  },
};
