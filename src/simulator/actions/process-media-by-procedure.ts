import { invalidValue, missingParameter } from '../api-error.js';
import type { Action } from './action.js';

/** API document: a SessionId is remembered for 7 days and has at most 50 characters, a SessionContext at most 1,000. */
const SESSION_MEMORY_MS = 7 * 24 * 3_600_000;
const MAX_SESSION_ID_LENGTH = 50;
const MAX_SESSION_CONTEXT_LENGTH = 1000;

export const processMediaByProcedure: Action = {
  parameters: {
    ProcedureName: 'string!',
    FileId: 'string',
    SubAppId: 'integer',
    TasksPriority: 'integer',
    TasksNotifyMode: 'string',
    SessionContext: 'string',
    SessionId: 'string',
    ExtInfo: 'string',
  },
  notSimulated: ['MediaStoragePath'],
  rate: 'write',
  run({ account, parameters, subAppId, requestId }) {
    const fileId = parameters.FileId as string | undefined;
    const procedureName = parameters.ProcedureName as string;
    const sessionId = (parameters.SessionId as string | undefined) ?? '';
    const sessionContext = (parameters.SessionContext as string | undefined) ?? '';
    if (!fileId) throw missingParameter('FileId');
    if (sessionId.length > MAX_SESSION_ID_LENGTH)
      throw invalidValue('SessionId', 'it is too long', 'InvalidParameterValue.SessionIdTooLong');
    if (sessionContext.length > MAX_SESSION_CONTEXT_LENGTH)
      throw invalidValue('SessionContext', 'it is too long', 'InvalidParameterValue.SessionContextTooLong');
    account.tasks.advance();
    if (!account.media.get(subAppId, fileId))
      throw invalidValue('FileId', 'there is no such file', 'InvalidParameterValue.FileId');
    const { procedures } = account.options;
    if (procedureName === '' || (procedures && !procedures.includes(procedureName)))
      throw invalidValue('ProcedureName', 'there is no such task flow', 'InvalidParameterValue.ProcedureName');
    const earlier = sessionId === '' ? undefined : account.taskOfSession(subAppId, sessionId);
    if (earlier && earlier.createdMs > account.clock.now() - SESSION_MEMORY_MS)
      throw invalidValue('SessionId', 'it was used before, the request is dropped', 'InvalidParameterValue.SessionId');
    const task = account.start({
      kind: 'Procedure',
      subAppId,
      fileId,
      requestId,
      subTasks: [],
      procedureName,
      sessionId,
      sessionContext,
    });
    return { TaskId: task.taskId, ReviewAudioVideoTaskId: '', ImportMediaKnowledgeTaskIdSet: null };
  },
};
