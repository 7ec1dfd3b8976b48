import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Client, type Connection } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { LISTED_STATUSES, listErases } from '../../src/client/list.js';
import type { Session } from '../../src/client/session.js';
import { MEMO, namesWith, PHASE, SEARCH_ATTRIBUTE, WORKFLOW } from '../../src/contract/names.js';
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
    queries.push(/^(`+) ?(\w.*?) ?\1$/m.exec(batchDetails(batchId, null, session.names))?.[2] ?? '');
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
    await connection.workflowService
      .listWorkflowExecutions({ namespace, query, pageSize: 1 })
      .catch((error: Error) => refused.push(`${query}: ${error.message}`));
  }
  return refused;
}

/**
 * Starts a run for each hard batch id, which no worker takes, and lists the erases of each batch.
 * @returns the ids by which not exactly its own run was listed
 */
export async function batchesNotFound({
  connection,
  namespace,
}: {
  connection: Connection;
  namespace: string;
}): Promise<string[]> {
  const prefix = `q${randomBytes(4).toString('hex')}`;
  const client = new Client({ connection, namespace });
  const names = { ...namesWith(prefix), searchAttribute: SEARCH_ATTRIBUTE };
  const session = { client, namespace, names, call: (work: () => Promise<unknown>) => work() } as unknown as Session;
  const key = defineSearchAttributeKey(SEARCH_ATTRIBUTE.batchId, 'KEYWORD');
  const runs = await Promise.all(
    HARD_BATCH_IDS.map(async (batchId, at) => ({
      batchId,
      handle: await client.workflow.start(WORKFLOW.erase, {
        workflowId: `${prefix}/${at}`,
        taskQueue: names.queue.main,
        // No attribute of this prefix is registered: the list reads the batch from here.
        memo: { [MEMO.request]: { batchId } },
        typedSearchAttributes: new TypedSearchAttributes([{ key, value: batchId }]),
      }),
    })),
  );
  const listed = async (batchId?: string) => {
    const found: string[] = [];
    for await (const { workflowId } of listErases(session, { batchId })) found.push(workflowId);
    return found;
  };
  try {
    // Visibility follows within a second.
    await eventually('all runs to be listed', async () => (await listed()).length === runs.length || undefined);
    const wrong: string[] = [];
    for (const { batchId, handle } of runs) {
      const found = await listed(batchId);
      if (found.join() !== handle.workflowId) wrong.push(`${batchId}: ${found.join() || 'not found'}`);
    }
    return wrong;
  } finally {
    await Promise.all(runs.map(({ handle }) => handle.terminate('looked at').catch(() => undefined)));
  }
}
