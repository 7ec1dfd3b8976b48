import type { Action } from './action.js';
import { describeMediaInfos } from './describe-media-infos.js';
import { describeTaskDetail } from './describe-task-detail.js';
import { describeTasks } from './describe-tasks.js';
import { manageTask } from './manage-task.js';
import { modifyMediaInfo } from './modify-media-info.js';
import { processMediaByMPS } from './process-media-by-mps.js';
import { processMediaByProcedure } from './process-media-by-procedure.js';
import { pushUrlCache } from './push-url-cache.js';
import { searchMedia } from './search-media.js';

/** All simulated APIs, by the name in X-TC-Action. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  DescribeMediaInfos: describeMediaInfos,
  DescribeTaskDetail: describeTaskDetail,
  DescribeTasks: describeTasks,
  ManageTask: manageTask,
  ModifyMediaInfo: modifyMediaInfo,
  ProcessMediaByMPS: processMediaByMPS,
  ProcessMediaByProcedure: processMediaByProcedure,
  PushUrlCache: pushUrlCache,
  SearchMedia: searchMedia,
};

export const ACTION_NAMES = Object.keys(ACTIONS);
