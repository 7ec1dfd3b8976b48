/**
 * Validates the vendor's responses and converts them to the types of `vod-api.ts`. Null lists become empty; numeric ids are
 * refused, since their last digits are already lost.
 */
import { z } from 'zod';
import { pathText, shownValue } from '../contract/problem.js';
import { shortText, shortWord } from '../contract/text.js';
import { fitAnswer } from './fit-answer.js';
import { unfitness } from './fitness.js';
import type { VodAction } from './rates.js';
import type { MediaInfo, OutputFile, SubTask, TaskDetail, TaskStatus, TaskSummary } from './vod-api.js';
import { VodError } from './vod-error.js';

/** TaskType of a task made by ProcessMediaByMPS. */
const MPS_TASK = 'ProcessMediaByMPS';

/** Go's zero time: the vendor's list may have it as FinishTime of an unfinished task. */
const ZERO_TIME = '0001-01-01';

const TASK_STATUS = ['WAITING', 'PROCESSING', 'FINISH', 'ABORTED'] as const satisfies readonly TaskStatus[];

/**
 * Maximum length of stored response text, in UTF-16 code units. Ours: several times the vendor's longest, and far below
 * Temporal's limit, beyond which the server would end the run.
 */
const LONGEST_TEXT = 1_000;
const LONGEST_WORD = 200;
const LONGEST_URL = 4_096;
/** Maximum files read of one sub-task; an erase makes three at most. Ours. */
const MOST_FILES = 50;

/** Absent, null or empty are all null. */
const string = z
  .string()
  .nullish()
  .transform((value) => (value === undefined || value === '' ? null : value));
/** Text for people, such as a message or a name; cut where it is too long. */
const text = string.transform((value) => value && shortText(value, LONGEST_TEXT));
/** Text for programs, such as a code, a state or a RequestId. */
const word = string.transform((value) => value && shortWord(value, LONGEST_WORD));
/** A cut URL is useless, so one that is too long becomes null. */
const url = string.transform((value) => (value !== null && value.length > LONGEST_URL ? null : value));
const number = z
  .union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/)])
  .nullish()
  .transform((value) => (value === null || value === undefined ? null : Number(value)));
const list = <S extends z.ZodType>(item: S) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** An id is one of our keys: one with invalid characters is refused, never changed into one that the vendor does not know. */
const id = z
  .string({
    error: (issue) => (typeof issue.input === 'number' ? 'is a number, so its last digits are lost' : undefined),
  })
  .regex(/^[\x21-\x7e]{0,200}$/, 'is no id: at most 200 visible characters of ASCII');
const fileId = id.nullish().transform((value) => (value === undefined || value === '' ? null : value));
const taskId = id.min(1);
const status = z.enum(TASK_STATUS);
const time = word.transform((value) => (value === null || value.startsWith(ZERO_TIME) ? null : value));

const requestIdOnly = z.looseObject({ RequestId: word });

const outputFile = z
  .object({ FileType: word, StorageMode: word, FileId: fileId, Url: url, ExpiredTime: number })
  .transform(
    (file): OutputFile => ({
      type: file.FileType ?? '',
      storageMode: file.StorageMode,
      fileId: file.FileId,
      url: file.Url,
      expiresInSeconds: file.ExpiredTime,
    }),
  );

const subTask = z
  .object({
    TaskType: word,
    Status: z.string().transform((value) => shortWord(value, LONGEST_WORD)),
    ErrCode: z.union([z.string(), z.number()]).nullish(),
    Message: text,
    Input: z.unknown().optional(),
    Output: z.object({ OutputFiles: list(outputFile) }).nullish(),
  })
  .transform(
    (task): SubTask => ({
      type: task.TaskType ?? '',
      status: task.Status,
      // A success without a code reads as "0"; a failure without one must not.
      errCode: codeOr(task.ErrCode, task.Status === 'SUCCESS' ? '0' : ''),
      message: task.Message ?? '',
      input: parsedInput(task.Input),
      outputFiles: task.Output?.OutputFiles.slice(0, MOST_FILES) ?? [],
    }),
  );

const mpsTask = z
  .object({
    Status: word,
    ErrCode: z.union([z.string(), z.number()]).nullish(),
    Message: text,
    SubTaskSet: list(subTask),
  })
  .transform(
    (task): NonNullable<TaskDetail['mps']> => ({
      // Documented as a number; kept as text, since other parts of the API use words.
      errCode: codeOr(task.ErrCode, '0'),
      message: task.Message ?? '',
      status: task.Status,
      subTasks: task.SubTaskSet,
    }),
  );

const taskDetail = z.object({
  TaskType: word,
  Status: status,
  CreateTime: time,
  FinishTime: time,
  ProcessMediaByMPSTask: mpsTask.nullish(),
  RequestId: word,
});

const anyTask = z.looseObject({ TaskId: z.unknown().optional(), TaskType: z.unknown().optional() });

const mpsTaskSummary = z.object({
  TaskId: taskId,
  Status: status,
  FileId: fileId,
  CreateTime: time,
  FinishTime: time,
});

const taskList = z.object({ TaskSet: list(anyTask), ScrollToken: string, RequestId: word });

const basicInfo = z.object({
  Name: text,
  Description: text,
  ClassId: number,
  TagSet: list(z.string().transform((tag) => shortText(tag, LONGEST_TEXT))),
  CoverUrl: url,
  MediaUrl: url,
  ExpireTime: word,
  CreateTime: word,
  Category: word,
  Status: word,
  StorageClass: word,
});
type BasicInfo = z.output<typeof basicInfo>;

const metaData = z.object({
  Duration: number,
  Width: number,
  Height: number,
  VideoStreamSet: list(z.unknown()),
  AudioStreamSet: list(z.unknown()),
});
type MetaData = z.output<typeof metaData>;

const media = z
  .object({
    FileId: id.min(1),
    BasicInfo: basicInfo.nullish(),
    MetaData: metaData.nullish(),
  })
  .transform(
    ({ FileId, BasicInfo: basic, MetaData: meta }): MediaInfo => ({
      ...fitnessOf(basic, meta),
      fileId: FileId,
      name: basic?.Name ?? null,
      description: basic?.Description ?? null,
      classId: basic?.ClassId ?? null,
      tags: basic?.TagSet ?? [],
      coverUrl: basic?.CoverUrl ?? null,
      mediaUrl: basic?.MediaUrl ?? null,
      expireTime: basic?.ExpireTime ?? null,
      createTime: basic?.CreateTime ?? null,
      durationSeconds: meta?.Duration ?? null,
      width: meta?.Width ?? null,
      height: meta?.Height ?? null,
    }),
  );

const mediaInfos = z.object({ MediaInfoSet: list(media), NotExistFileIdSet: list(id), RequestId: word });
const mediaSearch = z.object({ TotalCount: number, MediaInfoSet: list(media), RequestId: word });
const procedure = z.object({ TaskId: word, RequestId: word });
const submitted = z.object({ TaskId: taskId, RequestId: word });

/** Null when there is none. @throws VodError `bad-answer` for an invalid TaskId: the call must be reconciled */
export function readSubmitted(action: VodAction, answer: unknown): { taskId: string; requestId: string } | null {
  const read = submitted.safeParse(answer, { reportInput: true });
  if (read.success) return { taskId: read.data.TaskId, requestId: read.data.RequestId ?? '' };
  const given = (answer as { TaskId?: unknown } | null)?.TaskId;
  if (typeof given === 'string' && given !== '') throw badAnswer(action, read.error, answer, []);
  return null;
}

export function readRequestId(action: VodAction, answer: unknown): { requestId: string } {
  return { requestId: read(action, requestIdOnly, answer).RequestId ?? '' };
}

/** The response does not repeat the requested TaskId. */
export function readTaskDetail(action: VodAction, answer: unknown, askedTaskId: string): TaskDetail {
  const task = read(action, taskDetail, answer);
  const ended = task.Status === 'FINISH' || task.Status === 'ABORTED';
  return {
    taskId: askedTaskId,
    isMps: isMpsTask(task.TaskType, askedTaskId),
    status: task.Status,
    createTime: task.CreateTime,
    finishTime: ended ? task.FinishTime : null,
    mps: task.ProcessMediaByMPSTask ?? null,
    requestId: task.RequestId ?? '',
  };
}

/** Tasks of other kinds are listed as far as they are readable, since their forms are irrelevant here. */
export function readTaskList(
  action: VodAction,
  answer: unknown,
): { tasks: TaskSummary[]; scrollToken: string | null; requestId: string } {
  const page = read(action, taskList, answer);
  const tasks: TaskSummary[] = [];
  page.TaskSet.forEach((entry, index) => {
    const isMps = isMpsTask(entry.TaskType, entry.TaskId);
    const summary = mpsTaskSummary.safeParse(entry, { reportInput: true });
    if (summary.success) {
      const { Status, TaskId, FileId, CreateTime, FinishTime } = summary.data;
      const ended = Status === 'FINISH' || Status === 'ABORTED';
      tasks.push({
        taskId: TaskId,
        isMps,
        status: Status,
        fileId: FileId,
        createTime: CreateTime,
        finishTime: ended ? FinishTime : null,
      });
    } else if (isMps) {
      throw badAnswer(action, summary.error, answer, ['TaskSet', index]);
    }
  });
  return { tasks, scrollToken: page.ScrollToken, requestId: page.RequestId ?? '' };
}

export function readMediaInfos(
  action: VodAction,
  answer: unknown,
): { media: MediaInfo[]; missing: string[]; requestId: string } {
  const infos = read(action, mediaInfos, answer);
  return { media: infos.MediaInfoSet, missing: infos.NotExistFileIdSet, requestId: infos.RequestId ?? '' };
}

export function readMediaSearch(
  action: VodAction,
  answer: unknown,
): { media: MediaInfo[]; totalCount: number; requestId: string } {
  const found = read(action, mediaSearch, answer);
  return {
    media: found.MediaInfoSet,
    totalCount: found.TotalCount ?? found.MediaInfoSet.length,
    requestId: found.RequestId ?? '',
  };
}

export function readProcedure(action: VodAction, answer: unknown): { taskId: string | null; requestId: string } {
  const started = read(action, procedure, answer);
  return { taskId: started.TaskId, requestId: started.RequestId ?? '' };
}

/** The vendor's list of task types omits MPS, so the TaskId counts too. */
function isMpsTask(type: unknown, taskId: unknown): boolean {
  return type === MPS_TASK || (typeof taskId === 'string' && taskId.includes(`-${MPS_TASK}-`));
}

function fitnessOf(basic: BasicInfo | null | undefined, meta: MetaData | null | undefined): Pick<MediaInfo, 'unfit'> {
  const streams = meta && {
    video: meta.VideoStreamSet.length,
    audio: meta.AudioStreamSet.length,
    width: meta.Width,
    height: meta.Height,
  };
  const unfit = unfitness({
    category: basic?.Category ?? null,
    status: basic?.Status ?? null,
    storageClass: basic?.StorageClass ?? null,
    streams: streams ?? null,
  });
  return unfit === null ? {} : { unfit };
}

/** Other parts of the API write an empty text for success, so it is no code. */
function codeOr(code: string | number | null | undefined, absent: string): string {
  return code === undefined || code === null || code === '' ? absent : shortWord(String(code), LONGEST_WORD);
}

function parsedInput(input: unknown): unknown {
  if (typeof input !== 'string') {
    return input ?? null;
  }
  try {
    return fitAnswer(JSON.parse(input));
  } catch {
    return null;
  }
}

function read<S extends z.ZodType>(action: VodAction, schema: S, answer: unknown): z.output<S> {
  const result = schema.safeParse(answer, { reportInput: true });
  if (result.success) {
    return result.data;
  }
  throw badAnswer(action, result.error, answer, []);
}

function badAnswer(action: VodAction, error: z.ZodError, answer: unknown, prefix: PropertyKey[]): VodError {
  const issue = error.issues[0];
  const where = pathText([...prefix, ...(issue?.path ?? [])]) || 'The answer';
  const known = requestIdOnly.safeParse(answer);
  const requestId = known.success ? known.data.RequestId : null;
  const id = requestId === null ? '' : ` RequestId ${requestId}.`;
  const value = issue?.input === undefined ? 'absent' : shownValue(issue.input);
  return new VodError({
    class: 'badAnswer',
    action,
    code: 'bad-answer',
    message: `${action}: bad-answer: ${where} is not as documented: ${issue?.message} (${value}).${id}`,
    requestId,
  });
}
