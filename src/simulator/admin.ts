import { ACTION_NAMES } from './actions/index.js';
import type { Call, CallDetail } from './call-log.js';
import { parseIso } from './clock.js';
import { type Fault, type FaultSpec, parseFault } from './faults.js';
import {
  CATEGORIES,
  hasVideoStream,
  MEDIA_STATUSES,
  type Media,
  type MediaKind,
  NEVER_EXPIRES,
  STORAGE_CLASSES,
} from './media-library.js';
import type { SimulatedAccount } from './simulated-account.js';
import type { TaskStatus } from './task.js';
import { endMs } from './task-scheduler.js';

/** A file for the library. `duration` in seconds, `createTime` and `expireTime` ISO 8601. */
export interface MediaSpec extends MediaKind {
  fileId: string;
  /** Default: the simulator's first. */
  subAppId?: number;
  name: string;
  duration: number;
  /** Pixels; optional for audio and images. */
  width?: number;
  height?: number;
  classId?: number;
  tags?: string[];
  description?: string;
  /** Default: now. */
  createTime?: string;
  /** Default: never. */
  expireTime?: string;
}

/** A task in the simulator's state, even when the API no longer returns it. Times in real ms. */
export interface AdminTask {
  taskId: string;
  kind: string;
  subAppId: number;
  fileId: string;
  requestId: string;
  status: TaskStatus;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  resultFileId: string | null;
  /** Input of each sub-task, as JSON text. */
  inputs: string[];
  failure: string | null;
}

/** Invalid admin input; the message is a sentence for a person. */
export class AdminError extends Error {}

/** The HTTP admin API's operations, for use in the same process. */
export class Admin {
  constructor(readonly account: SimulatedAccount) {}

  /** In the order of their responses, without the first `from`. */
  calls(from = 0): Call[] {
    return this.account.calls
      .slice(from)
      .map(({ at, action, fileId, taskId, outcome }) => ({ at, action, fileId, taskId, outcome }));
  }

  /** Also includes RequestId, SecretId and sub-application. */
  callDetails(): readonly CallDetail[] {
    return this.account.calls;
  }

  tasks(): AdminTask[] {
    const { tasks, clock } = this.account;
    tasks.advance();
    const real = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : clock.toReal(ms));
    return tasks.all.map((task) => ({
      taskId: task.taskId,
      kind: task.kind,
      subAppId: task.subAppId,
      fileId: task.fileId,
      requestId: task.requestId,
      status: tasks.status(task),
      createdAt: clock.toReal(task.createdMs),
      startedAt: real(task.startedMs),
      finishedAt: real(endMs(task)),
      resultFileId: task.endSeq === null ? null : (task.resultFileIds.find((fileId) => fileId !== null) ?? null),
      inputs: task.subTasks.map(({ input }) => input),
      failure: task.failure?.code ?? null,
    }));
  }

  /** Adds all files, or none if one is invalid. Replaces a known FileId. */
  addMedia(medias: readonly MediaSpec[]): void {
    const checked = medias.map((media, at) => this.#media(media, at));
    this.account.addMedia(checked);
  }

  /** True when the file existed. */
  removeMedia(fileId: string, subAppId?: number): boolean {
    return this.account.removeMedia(this.#subApp(subAppId), fileId);
  }

  addFault(spec: FaultSpec): Fault {
    const fault = parseFault(spec, ACTION_NAMES);
    if (typeof fault === 'string') throw new AdminError(fault);
    return this.account.faults.add(fault);
  }

  faults(): readonly Fault[] {
    return this.account.faults.list();
  }

  clearFaults(): void {
    this.account.faults.clear();
  }

  /** Ends the faults `stays-waiting`, `stays-processing` and `late-listing` of a file's tasks. */
  release(fileId: string, subAppId?: number): void {
    if (typeof fileId !== 'string') throw new AdminError('"fileId" must be a string.');
    this.account.release(this.#subApp(subAppId), fileId);
  }

  /** Ages all tasks and media by `ms`: processing tasks come closer to their end, old ones to their expiry. */
  age(ms: number): void {
    if (typeof ms !== 'number' || !Number.isInteger(ms) || ms < 0)
      throw new AdminError('"ms" must be a whole number of milliseconds, 0 or more.');
    this.account.age(ms);
  }

  #subApp(subAppId: unknown): number {
    const { subAppIds } = this.account.options;
    if (subAppId === undefined) return subAppIds[0] as number;
    if (!subAppIds.includes(subAppId as number))
      throw new AdminError(`"subAppId" must be one of the simulator's: ${subAppIds.join(', ')}.`);
    return subAppId as number;
  }

  #media(spec: MediaSpec, at: number): Media {
    const where = `medias[${at}]`;
    if (typeof spec !== 'object' || spec === null) throw new AdminError(`${where} must be an object.`);
    const need = (holds: boolean, sentence: string) => {
      if (!holds) throw new AdminError(`${where}.${sentence}`);
    };
    const isIso = (value: unknown) => typeof value === 'string' && parseIso(value) !== undefined;
    const isSize = (value: unknown) => typeof value === 'number' && Number.isInteger(value) && value > 0;
    need(typeof spec.fileId === 'string' && /^\d{1,20}$/.test(spec.fileId), 'fileId must be a string of digits.');
    need(typeof spec.name === 'string', 'name must be a string.');
    need(typeof spec.duration === 'number' && spec.duration >= 0, 'duration must be a number of seconds.');
    const isWord = (value: unknown, words: readonly string[]) => value === undefined || words.includes(value as string);
    need(isWord(spec.category, CATEGORIES), `category must be one of ${CATEGORIES.join(', ')}.`);
    need(isWord(spec.status, MEDIA_STATUSES), `status must be one of ${MEDIA_STATUSES.join(', ')}.`);
    need(isWord(spec.storageClass, STORAGE_CLASSES), `storageClass must be one of ${STORAGE_CLASSES.join(', ')}.`);
    need(isWord(typeof spec.videoStream, ['undefined', 'boolean']), 'videoStream must be true or false.');
    const sizeMayMiss = !hasVideoStream(spec);
    const hasSize = (value: unknown) => isSize(value) || (sizeMayMiss && value === undefined);
    need(hasSize(spec.width), 'width must be a whole number of pixels.');
    need(hasSize(spec.height), 'height must be a whole number of pixels.');
    need(spec.classId === undefined || Number.isInteger(spec.classId), 'classId must be a whole number.');
    need(
      spec.tags === undefined || (Array.isArray(spec.tags) && spec.tags.every((tag) => typeof tag === 'string')),
      'tags must be an array of strings.',
    );
    need(spec.description === undefined || typeof spec.description === 'string', 'description must be a string.');
    need(
      spec.createTime === undefined || isIso(spec.createTime),
      'createTime must be a time like 2018-10-01T10:00:00Z.',
    );
    need(
      spec.expireTime === undefined || isIso(spec.expireTime),
      'expireTime must be a time like 2018-10-01T10:00:00Z.',
    );
    const unknown = Object.keys(spec).find((key) => !MEDIA_KEYS.includes(key));
    need(unknown === undefined, `${unknown} is not known; a file has ${MEDIA_KEYS.join(', ')}.`);
    const { clock } = this.account;
    const createdMs = spec.createTime ? clock.fromReal(parseIso(spec.createTime) ?? 0) : clock.now();
    return {
      fileId: spec.fileId,
      subAppId: this.#subApp(spec.subAppId),
      name: spec.name,
      description: spec.description ?? '',
      createdMs,
      updatedMs: createdMs,
      expireTime: spec.expireTime ?? NEVER_EXPIRES,
      classId: spec.classId ?? 0,
      tags: spec.tags ?? [],
      coverUrl: '',
      duration: spec.duration,
      width: spec.width ?? 0,
      height: spec.height ?? 0,
      resultOf: null,
      ...kindOf(spec),
    };
  }
}

const KIND_KEYS = ['category', 'status', 'storageClass', 'videoStream'] as const;
const MEDIA_KEYS = [
  ...'fileId subAppId name duration width height classId tags description createTime expireTime'.split(' '),
  ...KIND_KEYS,
];

/** Only given fields: the state file stores no defaults. */
function kindOf(spec: MediaKind): MediaKind {
  return Object.fromEntries(KIND_KEYS.flatMap((key) => (spec[key] === undefined ? [] : [[key, spec[key]]])));
}
