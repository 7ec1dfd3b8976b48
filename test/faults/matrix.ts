import type { FaultSpec } from '../../src/simulator/index.js';
import { CROSSINGS, type CrossingsGroup } from './crossings-matrix.js';

/**
 * The matrix as data: what is done to an erase, at which moment, to how many of them at once.
 *
 * A strike hits everything in one house at the same time, so one strike serves a cell for each moment. A vendor's fault
 * hits one erase, so those share a house too.
 */

/** What is done to the processes, the connections, or the run. */
export const STRIKES = {
  'worker-kill': 'the worker is killed by SIGKILL and another one started',
  'worker-stop': 'the worker is told to stop by SIGTERM, ends, and another one is started',
  'worker-freeze': 'the worker is stopped by SIGSTOP until another has taken over, and then goes on',
  'temporal-kill': 'the Temporal server is killed and started again on its database file',
  'ledger-cut': 'every connection to the ledger is reset',
  'ledger-down': 'every connection to the ledger is reset, and none can be made for 6 s',
  'ledger-silent': 'every connection to the ledger goes silent for good; new ones work',
  'ledger-stall': 'nothing passes to or from the ledger for 15 s, and then all of it at once',
  cancel: 'the run is cancelled',
  reset: 'the run is reset to its first task',
  restart: 'the run is terminated and started again; one that has ended is asked for under another key',
} as const;
export type Strike = keyof typeof STRIKES;

/** Where an erase is when the strike comes. */
export const MOMENTS = {
  placed: 'the intent is written, the call waits until its slot is due',
  lost: 'the call is out, and never reaches the vendor',
  underway: 'the call is out, and reaches the vendor 2 s after the strike',
  accepted: 'the vendor has accepted, the answer is on its way',
  answered: 'the answer has arrived, and cannot be written into the ledger',
  held: 'the run is held for an operator, who retries it afterwards',
  waiting: 'the task is being processed',
  fetching: 'the answer that tells the result is on its way',
  review: 'the result waits for a person, who approves it afterwards',
  publishing: 'the answer to the publish step is on its way',
  done: 'the run has succeeded',
} as const;
export type Moment = keyof typeof MOMENTS;

const SUBMITTING: readonly Moment[] = ['placed', 'lost', 'underway', 'accepted', 'answered'];
const EVERY_PHASE: readonly Moment[] = [...SUBMITTING, 'held', 'waiting', 'fetching', 'review', 'publishing'];

/** How a run may end. `truth`: any end, if what it says of the task and the money is so. */
export type Ending = 'succeeded' | 'held' | 'truth';

export interface StrikeGroup {
  kind: 'strikes';
  name: string;
  /** One after the other: the second comes when the first search for a lost task is seen, or after 40 s. */
  strikes: readonly Strike[];
  moments: readonly Moment[];
  count: number;
}

export interface VendorCell {
  name: string;
  faults: readonly Omit<FaultSpec, 'fileId'>[];
  ends: Ending;
  count: number;
  /** A held run must say this. */
  because?: RegExp;
  /** What is done besides; see `vendor-group.ts`. */
  also?:
    | 'cancel'
    | 'worker-kill'
    | 'ledger-cut'
    | 'colleague'
    | 'colleague, then cancel when held'
    | 'listed after both';
}

export interface VendorGroup {
  kind: 'vendor';
  name: string;
  cells: readonly VendorCell[];
}

export type Group = StrikeGroup | VendorGroup | CrossingsGroup;

const single = (strike: Strike): StrikeGroup => ({
  kind: 'strikes',
  name: strike,
  strikes: [strike],
  moments: strike === 'reset' || strike === 'restart' ? [...EVERY_PHASE, 'done'] : EVERY_PHASE,
  count: 3,
});

const pair = (first: Strike, second: Strike): StrikeGroup => ({
  kind: 'strikes',
  name: `${first}, ${second}`,
  strikes: [first, second],
  moments: SUBMITTING,
  count: 2,
});

const SUBMIT = 'ProcessMediaByMPS';
const fault = (kind: FaultSpec['kind'], rest: Partial<FaultSpec> = {}) => ({ action: SUBMIT, kind, ...rest });
const refusal = (code: string, execute: boolean) => fault('error', { code, execute });

/** The vendor's misbehaviours, each with whether the task was started all the same. */
export const MISBEHAVIOURS: Record<string, Omit<FaultSpec, 'fileId'>> = {
  'connection closed, accepted': fault('drop-after-accept'),
  'connection closed, not accepted': fault('drop-before'),
  'connection reset, accepted': fault('drop-after-accept', { reset: true }),
  'connection reset, not accepted': fault('drop-before', { reset: true }),
  'timeout, accepted': fault('delay', { ms: 3_500 }),
  'timeout, accepted after it': fault('delay', { ms: 3_500, execute: false }),
  'HTTP 500, accepted': fault('http-status', { status: 500, execute: true }),
  'HTTP 502, not accepted': fault('http-status', { status: 502 }),
  'cut body, accepted': fault('truncate'),
  'cut body by a reset, accepted': fault('truncate', { reset: true }),
  'body that is not JSON, accepted': fault('bad-json'),
  'body of {}, accepted': fault('bad-json', { body: '{}' }),
  'body without a TaskId, accepted': fault('bad-json', { body: '{"Response":{"RequestId":"r"}}' }),
  'InternalError, accepted': refusal('InternalError', true),
  'InternalError, not accepted': refusal('InternalError', false),
  'FailedOperation, accepted': refusal('FailedOperation', true),
  'FailedOperation, not accepted': refusal('FailedOperation', false),
  'ServiceUnavailable, accepted': refusal('ServiceUnavailable', true),
  'ServiceUnavailable, not accepted': refusal('ServiceUnavailable', false),
  'unknown code, accepted': refusal('Surprise.OfTheDay', true),
  'duplicate, accepted': refusal('InvalidParameterValue.SessionId', true),
};

const LATE = (ms: number) => fault('late-listing', { ms });

const PAIRS: readonly [string, ...Omit<FaultSpec, 'fileId'>[]][] = [
  ['connection closed, not accepted, then accepted', fault('drop-before'), fault('drop-after-accept')],
  [
    'HTTP 502, not accepted, then a timeout, accepted',
    fault('http-status', { status: 502 }),
    fault('delay', { ms: 3_500 }),
  ],
  ['busy, then InternalError, accepted', refusal('ResourceInUse', false), refusal('InternalError', true)],
  ['accepted and lost, and listed late', fault('drop-after-accept'), LATE(6_000)],
  ['timeout, accepted, and listed late', fault('delay', { ms: 3_500 }), LATE(6_000)],
  [
    'cut body, accepted, and the first looks fail',
    fault('truncate'),
    { action: 'DescribeTasks', kind: 'error', code: 'InternalError', times: 2 },
  ],
  [
    'accepted and lost, and the list is cut',
    fault('drop-after-accept'),
    { action: 'DescribeTasks', kind: 'truncate', times: 2 },
  ],
  [
    'accepted and lost, and its detail cannot be read',
    fault('drop-after-accept'),
    { action: 'DescribeTaskDetail', kind: 'http-status', status: 503, times: 2 },
  ],
];

const BOTH: readonly VendorCell[] = [
  {
    name: 'connection closed, accepted, then worker-kill',
    faults: [fault('drop-after-accept'), LATE(5_000)],
    also: 'worker-kill',
    ends: 'succeeded',
    count: 3,
  },
  {
    name: 'connection closed, not accepted, then worker-kill',
    faults: [fault('drop-before')],
    also: 'worker-kill',
    ends: 'succeeded',
    count: 3,
  },
  {
    name: 'InternalError, accepted, then ledger-cut',
    faults: [refusal('InternalError', true), LATE(5_000)],
    also: 'ledger-cut',
    ends: 'succeeded',
    count: 3,
  },
];

const CANCELLED: readonly VendorCell[] = [
  {
    name: 'connection closed, accepted, then cancel',
    faults: [fault('drop-after-accept'), LATE(4_000)],
    also: 'cancel',
    ends: 'truth',
    count: 3,
  },
  {
    name: 'connection closed, not accepted, then cancel',
    faults: [fault('drop-before')],
    also: 'cancel',
    ends: 'truth',
    count: 3,
  },
];

/** Each refusal slows all submits of a house down, so these have one of their own. */
const THROTTLED: readonly VendorCell[] = [
  {
    name: 'throttled twice',
    faults: [{ ...refusal('RequestLimitExceeded', false), times: 2 }],
    ends: 'succeeded',
    count: 3,
  },
  {
    name: 'throttled, then connection reset, accepted',
    faults: [refusal('RequestLimitExceeded', false), fault('drop-after-accept', { reset: true })],
    ends: 'succeeded',
    count: 2,
  },
  {
    name: 'InternalError, not accepted, then throttled',
    faults: [refusal('InternalError', false), refusal('RequestLimitExceeded', false)],
    ends: 'succeeded',
    count: 2,
  },
  {
    name: 'throttled, then cancel',
    faults: [{ ...refusal('RequestLimitExceeded', false), times: 50 }],
    also: 'cancel',
    ends: 'truth',
    count: 2,
  },
];

/** The outcome cannot be known: the run must stop for an operator and say why. */
const IMPOSSIBLE: readonly VendorCell[] = [
  {
    name: 'certainty impossible: none found after a duplicate error',
    faults: [refusal('InvalidParameterValue.SessionId', false)],
    because: /already had this request/,
    ends: 'held',
    count: 2,
  },
  {
    name: 'certainty impossible: three rounds without a task',
    faults: [{ ...fault('drop-before'), times: 3 }],
    because: /3 submits in a row/,
    ends: 'held',
    count: 2,
  },
  {
    name: 'certainty impossible: several candidates',
    faults: [fault('drop-after-accept')],
    also: 'colleague',
    because: /in no ledger/,
    ends: 'held',
    count: 2,
  },
  {
    name: 'certainty impossible: listed later than the settle time, twice',
    faults: [{ ...fault('drop-after-accept'), times: 2 }, LATE(3_600_000), LATE(3_600_000)],
    also: 'listed after both',
    because: /in no ledger/,
    ends: 'held',
    count: 4,
  },
  {
    name: 'certainty impossible: several candidates, cancelled while held',
    faults: [fault('drop-after-accept')],
    also: 'colleague, then cancel when held',
    ends: 'truth',
    count: 2,
  },
  {
    name: 'certainty impossible: the input of the task is not readable',
    faults: [
      fault('drop-after-accept'),
      {
        action: 'DescribeTaskDetail',
        kind: 'patch',
        patch: { 'ProcessMediaByMPSTask.SubTaskSet': null },
        times: 1_000,
      },
    ],
    because: /do not tell their input/,
    ends: 'held',
    count: 2,
  },
];

export const MATRIX: readonly Group[] = [
  {
    kind: 'vendor',
    name: 'vendor',
    cells: [
      ...Object.entries(MISBEHAVIOURS).map(
        ([name, f]): VendorCell => ({ name, faults: [f], ends: 'succeeded', count: 3 }),
      ),
      ...PAIRS.map(([name, ...faults]): VendorCell => ({ name, faults, ends: 'succeeded', count: 2 })),
      ...CANCELLED,
      ...IMPOSSIBLE,
    ],
  },
  { kind: 'vendor', name: 'throttled', cells: THROTTLED },
  { kind: 'vendor', name: 'vendor and more', cells: BOTH },
  ...(Object.keys(STRIKES) as Strike[]).map(single),
  pair('worker-kill', 'worker-kill'),
  pair('worker-kill', 'ledger-down'),
  pair('worker-kill', 'temporal-kill'),
  pair('temporal-kill', 'worker-kill'),
  pair('reset', 'worker-kill'),
  pair('restart', 'ledger-cut'),
  pair('ledger-silent', 'reset'),
  pair('worker-kill', 'cancel'),
  pair('cancel', 'worker-kill'),
  pair('worker-stop', 'restart'),
  ...CROSSINGS,
];
