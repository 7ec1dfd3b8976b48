import { ZERO_TIME } from './clock.js';
import { mediaUrl } from './media-answers.js';
import type { SimulatedAccount } from './simulated-account.js';
import type { OutputKind, SubTask, Task } from './task.js';
import { endMs } from './task-scheduler.js';

/** SDK typings, DescribeTaskDetailResponse: fields of other kinds of tasks, null in ours. */
const OTHER_TASK_FIELDS = [
  'EditMediaTask',
  'WechatPublishTask',
  'ComposeMediaTask',
  'SplitMediaTask',
  'WechatMiniProgramPublishTask',
  'PullUploadTask',
  'TranscodeTask',
  'ConcatTask',
  'ClipTask',
  'CreateImageSpriteTask',
  'SnapshotByTimeOffsetTask',
  'RemoveWatermarkTask',
  'RebuildMediaTask',
  'ExtractTraceWatermarkTask',
  'ExtractCopyRightWatermarkTask',
  'ReviewAudioVideoTask',
  'ReduceMediaBitrateTask',
  'DescribeFileAttributesTask',
  'QualityInspectTask',
  'QualityEnhanceTask',
  'ComplexAdaptiveDynamicStreamingTask',
  'AigcImageTask',
  'AigcVideoTask',
  'ImportMediaKnowledge',
  'SceneAigcImageTask',
  'SceneAigcVideoTask',
  'ProcessImageAsyncTask',
  'ExtractBlindWatermarkTask',
  'CreateAigcAdvancedCustomElementTask',
  'CreateAigcCustomVoiceTask',
  'CreateAigcSubjectTask',
  'AigcVideoRedrawTask',
  'AigcAudioTask',
  'CreateAigcAudioCloneTask',
  'DescribeAigcFaceInfoAsyncTask',
  'AigcHunyuan3DTask',
  'DesignVoiceAsyncTask',
  'CloneVoiceAsyncTask',
  'TextToSpeechAsyncTask',
  'VideoDubbingAsyncTask',
];

/** Lifetime of a temporary URL, in seconds. The document gives the unit, but no number. */
export const TEMPORARY_URL_SECONDS = 86_400;

export function taskSummary(task: Task, account: SimulatedAccount) {
  return {
    TaskId: task.taskId,
    Status: account.tasks.status(task),
    FileId: task.fileId,
    TaskType: task.kind,
    ...times(task, account),
    SessionId: task.sessionId,
    SessionContext: task.sessionContext,
  };
}

export function taskDetail(task: Task, account: SimulatedAccount) {
  return {
    TaskType: task.kind,
    Status: account.tasks.status(task),
    ...times(task, account),
    ...Object.fromEntries(OTHER_TASK_FIELDS.map((name) => [name, null])),
    ProcedureTask: task.kind === 'Procedure' ? procedureTask(task, account) : null,
    ProcessMediaByMPSTask: task.kind === 'ProcessMediaByMPS' ? mpsTask(task, account) : null,
  };
}

function times(task: Task, account: SimulatedAccount) {
  const { clock } = account;
  const begun = task.startedMs;
  const ended = endMs(task);
  return {
    CreateTime: clock.iso(task.createdMs),
    BeginProcessTime: begun === null ? ZERO_TIME : clock.iso(begun),
    FinishTime: ended === undefined ? ZERO_TIME : clock.iso(ended),
  };
}

/** The inner status has no WAITING and no ABORTED (SDK typings, ProcessMediaByMPS). */
function innerStatus(task: Task) {
  return task.endSeq === null ? 'PROCESSING' : 'FINISH';
}

function mpsTask(task: Task, account: SimulatedAccount) {
  const failure = task.endSeq !== null && task.failure?.level === 'task' ? task.failure : null;
  return {
    TaskId: task.taskId,
    Status: innerStatus(task),
    ErrCode: failure ? Number(failure.code) : 0,
    Message: failure ? failure.message : '',
    SubTaskSet:
      task.abortedMs !== null || failure ? null : task.subTasks.map((_, at) => subTaskResult(task, at, account)),
  };
}

function subTaskResult(task: Task, at: number, account: SimulatedAccount) {
  const subTask = task.subTasks[at] as SubTask;
  const common = { TaskType: subTask.taskType, Input: subTask.input };
  if (task.endSeq === null) return { ...common, Status: 'PROCESSING', ErrCode: '0', Message: '', Output: null };
  if (task.failure)
    return { ...common, Status: 'FAIL', ErrCode: task.failure.code, Message: task.failure.message, Output: null };
  return {
    ...common,
    Status: 'SUCCESS',
    ErrCode: '0',
    Message: 'SUCCESS',
    Output: { OutputFiles: outputFiles(task, at, account), OutputText: '' },
  };
}

function outputFiles(task: Task, at: number, account: SimulatedAccount) {
  const { taskType, outputs } = task.subTasks[at] as SubTask;
  const temporary = (kind: OutputKind, extension: string) => ({
    FileType: `${taskType}.${kind}`,
    StorageMode: 'Temporary',
    FileId: '',
    Url: `${account.baseUrl}/temporary/${task.taskId}/${kind}.${extension}`,
    Definition: '',
    ExpiredTime: TEMPORARY_URL_SECONDS,
  });
  const permanent = (fileId: string) => ({
    FileType: `${taskType}.Video`,
    StorageMode: 'Permanent',
    FileId: fileId,
    Url: mediaUrl(account.baseUrl, { subAppId: task.subAppId, fileId }),
    Definition: '',
    ExpiredTime: 0,
  });
  if (task.silent === 'null-list') return null;
  if (task.silent === 'no-video') return [temporary('OriginSubtitle', 'vtt')];
  if (task.silent === 'temporary-only') return [temporary('Video', 'mp4')];
  if (task.silent === 'same-file') return [permanent(task.fileId)];
  if (outputs.length === 0) return null;
  return outputs.map((kind) => (kind === 'Video' ? permanent(task.resultFileIds[at] ?? '') : temporary(kind, 'vtt')));
}

function procedureTask(task: Task, account: SimulatedAccount) {
  const media = account.media.get(task.subAppId, task.fileId);
  return {
    TaskId: task.taskId,
    Status: innerStatus(task),
    ErrCode: 0,
    Message: '',
    FileId: task.fileId,
    FileName: media?.name ?? '',
    FileUrl: mediaUrl(account.baseUrl, task),
    MetaData: null,
    MediaProcessResultSet: null,
    AiContentReviewResultSet: null,
    AiAnalysisResultSet: null,
    AiRecognitionResultSet: null,
    TasksPriority: 0,
    TasksNotifyMode: 'Finish',
    SessionContext: task.sessionContext,
    SessionId: task.sessionId,
    Operator: '',
    OperationType: '',
  };
}
