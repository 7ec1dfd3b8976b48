import { describe, expect, it } from 'vitest';
import { type BatchSnapshot, noCounts } from '../../src/contract/batch.js';
import type { ReportItem, ReportManifest } from '../../src/contract/report.js';
import type { AdminTask } from '../../src/simulator/index.js';
import { type BatchBooks, balanceBatch, snapshotProblems } from './batch-books.js';
import type { ReadReport } from './batch-report.js';
import { BROKEN_FILE, type Fate, NO_SUCH_FILE, planScene, REFUSAL, VENDOR_FAILURE, VICTIMS } from './batch-scene.js';

const USD = 0.05;
const FATES: Fate[] = ['plain', 'plain', 'refused', 'broken', 'failed once', 'failed twice', 'unanswered', 'deleted'];
const FAILURES: Partial<Record<Fate, (string | null)[]>> = {
  refused: [],
  deleted: [],
  broken: [BROKEN_FILE],
  'failed once': [VENDOR_FAILURE, null],
  'failed twice': [VENDOR_FAILURE, VENDOR_FAILURE],
};
const CODES: Partial<Record<Fate, string>> = {
  refused: REFUSAL,
  broken: BROKEN_FILE,
  'failed twice': VENDOR_FAILURE,
  deleted: NO_SUCH_FILE,
};
const SUCCEEDED = 4;

/** A consistent ledger and report; every call returns new ones, for a test to corrupt. */
function rightBooks(): BatchBooks & { tasks: AdminTask[]; submissions: BatchBooks['submissions'][number][] } {
  const items = FATES.map((fate, at) => ({ fileId: `52860000000000000${at + 10}`, fate }));
  const tasks: AdminTask[] = [];
  const rows: ReportItem[] = items.map(({ fileId, fate }, at) => {
    const own = (FAILURES[fate] ?? [null]).map((failure, nth) => taskOf(fileId, nth, failure));
    tasks.push(...own);
    const task = own.find(({ failure }) => failure === null) ?? own.at(-1);
    return rowOf(at + 1, fileId, CODES[fate] ?? null, task, own.length);
  });
  const succeeded = rows.filter(({ state }) => state === 'succeeded');
  const failed = rows.filter(({ state }) => state === 'failed');
  const counts = () => ({ ...noCounts(), succeeded: SUCCEEDED, failed: FATES.length - SUCCEEDED, total: FATES.length });
  const costUsd = USD * tasks.length;
  const ended = { state: 'ended' as const, endedAs: 'completed' as const };
  const manifest = { ...ended, complete: true, counts: counts(), costUsd } as ReportManifest;
  return {
    scene: { items, deletions: [], strikes: [] },
    tasks,
    submissions: tasks.map(({ fileId, taskId, failure }) => ({
      file_id: fileId,
      state: 'accepted',
      task_id: taskId,
      outcome: failure === null ? 'succeeded' : 'failed',
    })),
    counts: counts(),
    countedUsd: costUsd,
    snapshot: { ...ended, counts: counts(), spentUsd: costUsd } as BatchSnapshot,
    report: {
      manifest,
      succeeded,
      failed,
      succeededCsv: succeeded.map(csvOf),
      failedCsv: failed.map(csvOf),
      mapping: succeeded.map(({ fileId, resultFileId }) => ({
        sourceFileId: fileId,
        resultFileId: resultFileId ?? '',
        recipe: 'subtitles',
      })),
      problems: [],
    },
  };
}

function taskOf(fileId: string, nth: number, failure: string | null): AdminTask {
  const taskId = `task-${fileId}-${nth}`;
  const resultFileId = failure === null ? `9${fileId.slice(1)}` : null;
  return { taskId, fileId, status: 'FINISH', createdAt: nth, failure, resultFileId } as AdminTask;
}

function rowOf(number: number, fileId: string, code: string | null, task: AdminTask | undefined, paid: number) {
  return {
    number,
    row: number + 1,
    fileId,
    state: code === null ? 'succeeded' : 'failed',
    code,
    taskId: task?.taskId ?? null,
    resultFileId: code === null ? task?.resultFileId : null,
    runId: 'run',
    startedAt: 'then',
    endedAt: 'later',
    attempts: Math.max(1, paid),
    estimatedUsd: USD,
    costUsd: Number((USD * paid).toFixed(6)),
  } as ReportItem;
}

function csvOf(item: ReportItem): Record<string, string> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, String(value ?? '')]));
}

const first = <T>(of: readonly T[]): T => of[0] as T;
const mapped = (report: ReadReport) => first(report.mapping);

describe('the balance of a batch', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(balanceBatch(rightBooks())).toEqual({ duplicates: [], lost: [], wrong: [] });
  });

  it.each<[string, 'duplicates' | 'lost' | 'wrong', RegExp, (books: ReturnType<typeof rightBooks>) => void]>([
    [
      'a file that was paid for twice',
      'duplicates',
      /accepted 2/,
      ({ tasks, submissions }) => {
        tasks.push({ ...first(tasks), taskId: 'again' });
        submissions.push({ ...first(submissions), task_id: 'again' });
      },
    ],
    [
      'a task of a file that is in no batch',
      'duplicates',
      /not in the batch/,
      ({ tasks }) => {
        tasks.push({ ...first(tasks), taskId: 'other', fileId: '1' });
      },
    ],
    ['a file that was never submitted', 'lost', /accepted 0 tasks, not 1/, ({ tasks }) => void tasks.shift()],
    [
      'a task that the ledger does not know',
      'lost',
      /no row of the ledger/,
      ({ submissions }) => void submissions.shift(),
    ],
    [
      'a task that only the ledger knows',
      'wrong',
      /the vendor does not know/,
      ({ submissions }) => {
        submissions.push({ ...first(submissions), task_id: 'invented' });
      },
    ],
    [
      'a submit that is in doubt',
      'wrong',
      /still in doubt/,
      ({ submissions }) => {
        submissions.push({ file_id: '1', state: 'sending', task_id: null, outcome: null });
      },
    ],
    [
      'a task without an outcome',
      'lost',
      /how task-.* ended/,
      ({ submissions }) => {
        first(submissions).outcome = null;
      },
    ],
    ['an item that is missing', 'lost', /is not in the report/, ({ report }) => void report.failed.pop()],
    [
      'an item that stands twice',
      'duplicates',
      /stands twice/,
      ({ report }) => {
        report.failed.push(first(report.succeeded));
      },
    ],
    [
      'an item in the wrong file',
      'wrong',
      /in the wrong file/,
      ({ report }) => {
        report.failed.push(report.succeeded.shift() as ReportItem);
      },
    ],
    [
      'an end that was another',
      'wrong',
      /"state":"failed"/,
      ({ report }) => {
        first(report.succeeded).state = 'failed';
      },
    ],
    [
      'a code that was another',
      'wrong',
      /"code":"Other"/,
      ({ report }) => {
        first(report.failed).code = 'Other';
      },
    ],
    [
      'the result of another file',
      'wrong',
      /the report says/,
      ({ report }) => {
        first(report.succeeded).resultFileId = report.succeeded[1]?.resultFileId ?? null;
      },
    ],
    [
      'a cost that nobody paid',
      'wrong',
      /"costUsd":7/,
      ({ report }) => {
        first(report.succeeded).costUsd = 7;
      },
    ],
    [
      'the task of another file',
      'wrong',
      /names task/,
      ({ report }) => {
        first(report.succeeded).taskId = 'task-other';
      },
    ],
    [
      'a mapping to another result',
      'wrong',
      /mapping\.csv: .* became 1 /,
      ({ report }) => {
        mapped(report).resultFileId = '1';
      },
    ],
    ['a mapping that is missing', 'lost', /mapping\.csv has no result/, ({ report }) => void report.mapping.pop()],
    [
      'a mapping that stands twice',
      'duplicates',
      /mapping\.csv has .* twice/,
      ({ report }) => {
        report.mapping.push(mapped(report));
      },
    ],
    [
      'a mapping of what failed',
      'wrong',
      /at the vendor it is nothing/,
      ({ report }) => {
        report.mapping.push({ ...mapped(report), sourceFileId: first(report.failed).fileId });
      },
    ],
    [
      'a table that says something else',
      'wrong',
      /failed\.csv says/,
      ({ report }) => {
        first(report.failedCsv).code = 'Other';
      },
    ],
    [
      'counts of the ledger that are off',
      'wrong',
      /the ledger counts/,
      ({ counts }) => {
        counts.succeeded += 1;
      },
    ],
    [
      'counts of the last snapshot that are off',
      'wrong',
      /the snapshot counts/,
      ({ snapshot }) => {
        snapshot.counts.failed -= 1;
      },
    ],
    [
      'counts of the report that are off',
      'wrong',
      /the report counts/,
      ({ report }) => {
        report.manifest.counts.total += 1;
      },
    ],
    [
      'sums that differ',
      'wrong',
      /USD that were spent differ/,
      (books) => {
        books.countedUsd += USD;
      },
    ],
    [
      'a batch that did not end',
      'wrong',
      /ended as running/,
      ({ snapshot }) => {
        snapshot.state = 'running';
      },
    ],
    ['a folder that is not what it says', 'wrong', /checksum/, ({ report }) => void report.problems.push('checksum')],
  ])('finds %s', (_what, where, line, spoil) => {
    const books = rightBooks();
    spoil(books);
    expect(balanceBatch(books)[where].join('\n')).toMatch(line);
  });
});

describe('a snapshot', () => {
  const snapshot = (succeeded: number, total = 10) =>
    ({ asOf: 'now', counts: { ...noCounts(), pending: 10 - succeeded, succeeded, total } }) as BatchSnapshot;

  it('adds up, and what has ended stays ended', () => {
    expect(snapshotProblems(snapshot(4), snapshot(3), 10)).toEqual([]);
    expect(snapshotProblems(snapshot(2), snapshot(3), 10)).toEqual([expect.stringContaining('from 3 back to 2')]);
    expect(snapshotProblems(snapshot(2, 11), undefined, 10)).toEqual([expect.stringContaining('adds up to 10 of 11')]);
    expect(snapshotProblems(snapshot(2), undefined, 12)).toEqual([expect.stringContaining('there are 12')]);
  });
});

describe('a scene', () => {
  it('is the same for the same seed, and strikes everything while the batch runs', () => {
    const scene = planScene(7, 2_000);
    expect(planScene(7, 2_000)).toEqual(scene);
    expect(planScene(8, 2_000)).not.toEqual(scene);
    expect(new Set(scene.strikes.flatMap(({ victims }) => victims))).toEqual(new Set(VICTIMS));
    const shares = scene.strikes.map(({ at }) => at);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(Math.max(...shares)).toBeLessThan(0.9);
    expect(new Set(scene.items.map(({ fileId }) => fileId)).size).toBe(2_000);
  });
});
