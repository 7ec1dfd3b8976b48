/**
 * What the vendor's documents say of its limits, with the source of each number. Below everything else, so that the contract, the
 * ledger and the activities have the same numbers.
 */

const HOUR_MS = 3_600_000;

/** How long after its submit the vendor reports a task. Source: DescribeTasks and DescribeTaskDetail, "the last 3 days". */
export const VENDOR_MEMORY_HOURS = 72;
export const VENDOR_MEMORY_MS = VENDOR_MEMORY_HOURS * HOUR_MS;

/** The last time at which a run waits for its task, in hours after the submit. Ours: it leaves four hours of the memory to read it. */
export const MAX_DEADLINE_HOURS = 68;

/**
 * How long after its submit a task is sure to be listed, in milliseconds. Ours: the memory, less a quarter of an hour for clock
 * skew and for the read itself.
 */
export const LISTED_FOR_MS = VENDOR_MEMORY_MS - 15 * 60_000;

/** How far a caller's clock may be from the vendor's, in milliseconds. Source: signatures that are further off are refused. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** Submits a second over the whole account. Source: the API document of ProcessMediaByMPS. */
export const DOCUMENTED_SUBMITS_PER_SECOND = 20;

/**
 * Calls a second for an account, by API. Source: the API documents of VOD 2018-07-17. SearchMedia and ProcessMediaByProcedure: no rate
 * could be confirmed, so they get the lowest that is documented for any of the others.
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

/** FileIds in one DescribeMediaInfos, and URLs in one PushUrlCache. Source: their API documents. */
export const MAX_FILE_IDS = 20;
export const MAX_URLS = 20;

/** The code for something that the vendor does not know, or not any more; also for a task that is listed, and not to be read yet. */
export const NOT_FOUND_CODE = 'ResourceNotFound';
