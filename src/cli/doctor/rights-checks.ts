import { EXIT } from '../../contract/error-classes.js';
import { toMpsParams } from '../../tencent-vod/recipe-params.js';
import type { VodApi } from '../../tencent-vod/vod-api.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import { type Check, fail, failedBy, ok, warn } from './check.js';

/** Below the range of real FileIds, so that no such file exists. */
const NO_SUCH_FILE_ID = '1000000000000000001';
/** Names that do not exist. */
const NO_SUCH_PROCEDURE = 'smart-erase-doctor-none';
const NO_SUCH_URL = 'https://doctor.invalid/none.mp4';
/** Format of a TaskId; no such task exists. */
const noSuchTaskId = (subAppId: number) => `${subAppId}-ProcessMediaByMPS-0000000000000000000000000000dead`;
/** Vendor codes for a call that no policy covers. */
const NOT_ALLOWED: readonly string[] = ['UnauthorizedOperation', 'AuthFailure.UnauthorizedOperation'];

export function isNotAllowed(error: unknown): boolean {
  return error instanceof VodError && NOT_ALLOWED.includes(error.code);
}

/** Result of a call for a nonexistent object: allowed, denied, or unknown. */
type Right = { allowed: true } | { allowed: false; requestId: string | null } | { unknown: unknown };

async function rightTo(call: () => Promise<unknown>): Promise<Right> {
  try {
    await call();
    return { allowed: true };
  } catch (error) {
    if (!(error instanceof VodError)) return { unknown: error };
    if (isNotAllowed(error)) return { allowed: false, requestId: error.requestId };
    // The call passed authorisation, since only its object was missing.
    return error.class === 'account' || error.requestId === null ? { unknown: error } : { allowed: true };
  }
}

/** The read APIs that a worker calls, each for a nonexistent object: nothing changes or is billed. */
export async function readingRights(vod: VodApi, subAppId: number): Promise<Check> {
  return await rightsTo('Vendor rights', subAppId, {
    DescribeTasks: () => vod.listTasks({ subAppId, limit: 1 }),
    DescribeTaskDetail: () => vod.describeTask({ subAppId, taskId: noSuchTaskId(subAppId) }),
    DescribeMediaInfos: () => vod.describeMedia({ subAppId, fileIds: [NO_SUCH_FILE_ID] }),
    SearchMedia: () => vod.searchMedia({ subAppId, limit: 1 }),
  });
}

/**
 * The write APIs that a worker uses to cancel and to publish, each for a nonexistent object and without a change. The submit is
 * separate.
 */
export async function writingRights(vod: VodApi, subAppId: number): Promise<Check> {
  const fileId = NO_SUCH_FILE_ID;
  return await rightsTo('Rights to write', subAppId, {
    ManageTask: () => vod.abortTask({ subAppId, taskId: noSuchTaskId(subAppId) }),
    ModifyMediaInfo: () => vod.modifyMedia({ subAppId, fileId, change: {} }),
    ProcessMediaByProcedure: () =>
      vod.runProcedure({ subAppId, fileId, procedure: NO_SUCH_PROCEDURE, sessionId: `doctor-${Date.now()}` }),
    PushUrlCache: () => vod.prefetchUrls({ subAppId, urls: [NO_SUCH_URL] }),
  });
}

async function rightsTo(name: string, subAppId: number, calls: Record<string, () => Promise<unknown>>): Promise<Check> {
  const missing: string[] = [];
  const requestIds: string[] = [];
  for (const [action, call] of Object.entries(calls)) {
    const right = await rightTo(call);
    if ('unknown' in right) return failedBy(name, right.unknown);
    if (right.allowed) continue;
    missing.push(`vod:${action}`);
    if (right.requestId !== null) requestIds.push(right.requestId);
  }
  if (missing.length === 0) return ok(name, `may call ${Object.keys(calls).join(', ')}`);
  return fail(
    name,
    `the CAM policy does not allow ${missing.join(', ')} for sub-application ${subAppId} (RequestId ${requestIds.join(', ')})`,
    `Add ${missing.join(', ')} to the policy of these keys: docs/cam.md has one for each role.`,
    EXIT.accountBlocked,
  );
}

/**
 * Tests the right to submit by a real submit for a nonexistent file; no read can show it. It counts in the vendor's rate; an
 * answer with a TaskId would be a task.
 */
export async function submitRight(vod: VodApi, subAppId: number): Promise<Check> {
  const name = 'Right to submit';
  try {
    const { taskId } = await vod.submit({
      subAppId,
      fileId: NO_SUCH_FILE_ID,
      params: toMpsParams({ name: 'subtitles' }),
    });
    return warn(
      name,
      `may call ProcessMediaByMPS; the vendor made the task ${taskId} for file ${NO_SUCH_FILE_ID}, which does not exist`,
      'It ends by itself, with an error. Look at it before you probe again.',
    );
  } catch (error) {
    if (!(error instanceof VodError)) return failedBy(name, error);
    if (isNotAllowed(error)) {
      return fail(
        name,
        `the CAM policy, or the vendor's internal test of the feature, does not allow vod:ProcessMediaByMPS (RequestId ${error.requestId})`,
        'Add vod:ProcessMediaByMPS to the policy of these keys (docs/cam.md); if it is there, ask the vendor to open the feature.',
        EXIT.accountBlocked,
      );
    }
    if (error.class !== 'input') return failedBy(name, error);
    return ok(
      name,
      `may call ProcessMediaByMPS: a submit for file ${NO_SUCH_FILE_ID}, which does not exist, was refused with ${error.code} (RequestId ${error.requestId})`,
    );
  }
}
