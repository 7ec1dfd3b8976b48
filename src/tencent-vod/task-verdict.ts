import type { ErrorClass } from '../contract/error-classes.js';
import type { ResultFile } from '../contract/request.js';
import type { OutputFile, SubTask, TaskDetail } from './vod-api.js';

/** The judgement of a task's detail. FINISH is not success, and SUCCESS does not imply a new file. */
export type TaskVerdict =
  | { kind: 'unfinished'; status: 'WAITING' | 'PROCESSING' }
  | { kind: 'succeeded'; resultFileId: string | null; files: ResultFile[] }
  | {
      kind: 'failed';
      class: Extract<ErrorClass, 'taskFailed' | 'badResult' | 'aborted'>;
      code: string;
      message: string;
      /** True for a failure on the vendor's side, where one more payment may succeed. */
      worthOneMore: boolean;
    };

export interface Expected {
  sourceFileId: string;
  /** Whether the recipe makes a video; else it makes a subtitle file. */
  makesVideo: boolean;
}

/** Erase sub-tasks of the AiAnalysisTask route and the typed one. */
const ERASE_SUB_TASKS = new Set(['AiAnalysis.DeLogo', 'SmartErase']);
const VIDEO_FILES = new Set(['AiAnalysis.DeLogo.Video', 'SmartErase.Video']);
const SUBTITLE_FILES = new Set(['AiAnalysis.DeLogo.OriginSubtitle', 'AiAnalysis.DeLogo.TranslateSubtitle']);

/** Temporary task failures, or those on the vendor's side: one new paid submission may succeed. */
const PASSING = /^(InternalError(\.|$)|SourceFileError\.DownloadNotAccessible$)/;
/** Failures of the file or the parameters, which a repetition would not change. */
const PERMANENT = /^(SourceFileError|InvalidInput)(\.|$)/;

export function judgeTask(detail: TaskDetail, expected: Expected): TaskVerdict {
  if (detail.status === 'WAITING' || detail.status === 'PROCESSING') {
    return { kind: 'unfinished', status: detail.status };
  }
  if (detail.status === 'ABORTED') {
    return failed('aborted', 'Aborted', 'The task was aborted before it ran.', false);
  }
  if (detail.mps === null) {
    return failed('badResult', 'NoTaskDetail', 'The task is finished, but the vendor tells nothing about it.', false);
  }
  const erase = detail.mps.subTasks.find((t) => ERASE_SUB_TASKS.has(t.type));
  // Read first, since the sub-task's code is more precise than the task's.
  if (erase !== undefined && (erase.status === 'FAIL' || erase.errCode !== '0')) {
    return taskFailure(erase.errCode, erase.message);
  }
  if (detail.mps.errCode !== '0') return taskFailure(detail.mps.errCode, detail.mps.message);
  if (erase === undefined) {
    return failed('badResult', 'NoEraseSubTask', 'The task is finished, but it has no erase sub-task.', false);
  }
  if (erase.status !== 'SUCCESS') {
    return failed(
      'badResult',
      'SubTaskUnfinished',
      `The task is finished, but its erase sub-task says ${erase.status || 'nothing'}.`,
      false,
    );
  }
  return judgeFiles(erase, expected);
}

function judgeFiles(erase: SubTask, { sourceFileId, makesVideo }: Expected): TaskVerdict {
  const files = erase.outputFiles.map(toResultFile);
  if (!makesVideo) {
    if (files.some((f) => SUBTITLE_FILES.has(f.type) && f.url !== null)) {
      const video = files.find((f) => VIDEO_FILES.has(f.type) && f.fileId !== null);
      return { kind: 'succeeded', resultFileId: video?.fileId ?? null, files };
    }
    return failed('badResult', 'NoSubtitleFile', 'The task says SUCCESS, but gives no subtitle file.', false);
  }
  const videos = files.filter((f) => VIDEO_FILES.has(f.type));
  const fresh = videos.find((f) => f.fileId !== null && f.fileId !== sourceFileId);
  if (fresh !== undefined) return { kind: 'succeeded', resultFileId: fresh.fileId, files };
  if (videos.some((f) => f.fileId === sourceFileId)) {
    return failed('badResult', 'SameFile', 'The task says SUCCESS, but its result is the source file itself.', false);
  }
  if (videos.some((f) => f.url !== null)) {
    return failed(
      'badResult',
      'TemporaryOnly',
      'The task says SUCCESS, but gives only a temporary URL, no new media.',
      false,
    );
  }
  return failed('badResult', 'NoVideo', 'The task says SUCCESS, but gives no video.', false);
}

function taskFailure(code: string, message: string): TaskVerdict {
  const text = `The vendor's task failed: ${code}${message === '' ? '' : ` (${message})`}.`;
  if (PASSING.test(code)) return failed('taskFailed', code, text, true);
  // An unknown code gets at most one more attempt, by the ledger's limit.
  return failed('taskFailed', code, text, !PERMANENT.test(code));
}

function failed(
  errorClass: 'taskFailed' | 'badResult' | 'aborted',
  code: string,
  message: string,
  worthOneMore: boolean,
): TaskVerdict {
  return { kind: 'failed', class: errorClass, code, message, worthOneMore };
}

function toResultFile({ type, fileId, url, storageMode, expiresInSeconds }: OutputFile): ResultFile {
  // The vendor writes 0 for a permanent file.
  const permanent = storageMode === 'Permanent' || fileId !== null;
  return { type, fileId, url, expiresInSeconds: permanent ? null : expiresInSeconds };
}
