/**
 * The vendor's documented limits, each with its source. This module imports no other, so that contract, ledger and activities
 * share the numbers.
 */

const HOUR_MS = 3_600_000;

/** How long after its submit the vendor reports a task. Source: DescribeTasks and DescribeTaskDetail, "the last 3 days". */
export const VENDOR_MEMORY_HOURS = 72;
export const VENDOR_MEMORY_MS = VENDOR_MEMORY_HOURS * HOUR_MS;

/**
 * Maximum wait of a run for its task, in hours after the submit. Ours: it leaves four hours of the vendor's memory to read it.
 */
export const MAX_DEADLINE_HOURS = 68;

/**
 * How long after its submit a task is certain to be listed, in milliseconds. Ours: the memory, less a quarter of an hour for
 * clock skew and for the read itself.
 */
export const LISTED_FOR_MS = VENDOR_MEMORY_MS - 15 * 60_000;

/** Maximum difference between a caller's clock and the vendor's, in milliseconds. Source: signatures beyond it are refused. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** Submits per second of the whole account. Source: the API document of ProcessMediaByMPS. */
export const DOCUMENTED_SUBMITS_PER_SECOND = 20;

/**
 * Calls per second of an account, by API. Source: the API documents of VOD 2018-07-17. SearchMedia and ProcessMediaByProcedure
 * have no confirmed rate, so they get the lowest documented one of the others.
 */
export const DOCUMENTED_RATE = {
  DescribeTaskDetail: 100,
  DescribeTasks: 100,
  ManageTask: 20,
  DescribeMediaInfos: 100,
  SearchMedia: 20,
  ModifyMediaInfo: 100,
  ProcessMediaByProcedure: 20,
  PushUrlCache: 20,
} as const;

/** Maximum FileIds in one DescribeMediaInfos, and URLs in one PushUrlCache. Source: their API documents. */
export const MAX_FILE_IDS = 20;
export const MAX_URLS = 20;

/** Code for something unknown to the vendor, or no longer known; also for a listed task that is not readable yet. */
export const NOT_FOUND_CODE = 'ResourceNotFound';
