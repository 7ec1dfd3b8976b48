import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Client, type Connection } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { LISTED_STATUSES, listErases } from '../../src/client/list.js';
import type { Session } from '../../src/client/session.js';
import { filterLiteral } from '../../src/contract/list-filter.js';
import { namesWith, PHASE, SEARCH_ATTRIBUTE, WORKFLOW } from '../../src/contract/names.js';
import { batchDetails } from '../../src/workflows/batch-details.js';
import { eventually } from './processes.js';

const ROOT = new URL('../../', import.meta.url);
/** What a reader copies from. The program's own are asked of itself. */
const PAGE = /^(?!.*node_modules).*\.(md|ts|py|go|sh|yml|yaml|json)$/;

/** Batch ids that a filter could take for something else; all of them are allowed in a request. */
export const HARD_BATCH_IDS = [
  "it's",
  'a"b',
  'back\\slash',
  "\\'",
  '50%',
  '片一',
  '🎬',
  'a_b',
  'x--y',
  '1e5',
  'true',
  'null',
  ':v1',
  '$1',
  '2026-02-30',
  '`tick`',
  '/*c*/',
  'x'.repeat(100),
];

/** Every list filter that the program sends or shows: what callers of `list` can ask for, and what a batch's details say. */
export async function programQueries(): Promise<string[]> {
  const queries: string[] = [];
  const session = {
    names: namesWith(''),
    call: (work: () => Promise<unknown>) => work(),
    client: {
      workflow: {
        list: ({ query }: { query: string }) => {
          queries.push(query);
          return (async function* () {})();
        },
      },
    },
  } as unknown as Session;
  const phases = [undefined, ...Object.values(PHASE)];
  for (const phase of phases) {
    for (const status of [undefined, ...LISTED_STATUSES]) {
      for (const batchId of [undefined, 'library-2031']) {
        for await (const _ of listErases(session, { phase, status, batchId }));
      }
    }
  }
  for (const batchId of HARD_BATCH_IDS) {
    for await (const _ of listErases(session, { batchId }));
    queries.push(/^`(.*)`$/m.exec(batchDetails(batchId, null, session.names))?.[1] ?? '');
  }
  return queries;
}

/** Every list filter in the documents, the alerts, the dashboard, the examples and the benchmarks, and where it stands. */
export function documentedQueries(): { where: string; query: string }[] {
  const folders = ['docs', 'deploy', 'examples', 'bench'];
  const inFolders = folders.flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  );
  const pages = ['README.md', ...inFolders].filter((path) => PAGE.test(path));
  return pages.flatMap((where) =>
    filtersIn(readFileSync(new URL(where, ROOT), 'utf8')).map((query) => ({ where, query })),
  );
}

/** A text in quotes of any kind, known by an attribute that every workflow has. A value that is put in stands as `x`. */
function filtersIn(text: string): string[] {
  const quoted = [/"([^"\n]*)"/g, /`([^`\n]*)`/g].flatMap((quotes) =>
    [...text.matchAll(quotes)].map(([, inside]) => inside ?? ''),
  );
  const filters = quoted.filter((each) =>
    /^[^"]*\b(ExecutionStatus|WorkflowType|WorkflowId) ?(=|IN\b)[^"]*$/i.test(each),
  );
  return filters.map((each) => each.replace(/'\$\{[^}]*\}'/g, "'x'")).filter((each) => !each.includes('${'));
}

/** @returns those that the server does not take, with its words */
export async function refusedQueries(
  { connection, namespace }: { connection: Connection; namespace: string },
  queries: readonly string[],
): Promise<string[]> {
  const refused: string[] = [];
  for (const query of new Set(queries)) {
    for (const call of ['listWorkflowExecutions', 'countWorkflowExecutions'] as const) {
      await connection.workflowService[call]({ namespace, query }).catch((error: Error) => {
        refused.push(`${call} ${query}: ${error.message}`);
      });
    }
  }
  return refused;
}

/**
 * Starts a run for each hard batch id, which no worker takes, and looks for it by that id.
 * @returns the ids by which not exactly its own run was found
 */
export async function batchesNotFound({
  connection,
  namespace,
}: {
  connection: Connection;
  namespace: string;
}): Promise<string[]> {
  const { workflow } = new Client({ connection, namespace });
  const key = defineSearchAttributeKey(SEARCH_ATTRIBUTE.batchId, 'KEYWORD');
  const run = randomBytes(4).toString('hex');
  const runs = await Promise.all(
    HARD_BATCH_IDS.map(async (batchId, at) => ({
      batchId,
      handle: await workflow.start(WORKFLOW.erase, {
        workflowId: `hard-batch-id/${run}/${at}`,
        taskQueue: `nobody-works-here-${run}`,
        typedSearchAttributes: new TypedSearchAttributes([{ key, value: batchId }]),
      }),
    })),
  );
  try {
    const wrong: string[] = [];
    for (const { batchId, handle } of runs) {
      const query = `TaskQueue = 'nobody-works-here-${run}' AND ${SEARCH_ATTRIBUTE.batchId} = ${filterLiteral(batchId)}`;
      let found: string[] = [];
      // Visibility follows within a second.
      await eventually(
        `the run of batch ${batchId}`,
        async () => {
          found = [];
          for await (const { workflowId } of workflow.list({ query })) found.push(workflowId);
          return found.length > 0 || undefined;
        },
        10_000,
      ).catch(() => undefined);
      if (found.join() !== handle.workflowId) wrong.push(`${batchId}: ${found.join() || 'not found'}`);
    }
    return wrong;
  } finally {
    await Promise.all(runs.map(({ handle }) => handle.terminate('looked at').catch(() => undefined)));
  }
}
