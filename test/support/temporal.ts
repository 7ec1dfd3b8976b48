import { randomBytes } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { inject } from 'vitest';
import './provided.js';

export interface SharedTemporal {
  /** "127.0.0.1:7233": the dev server that all test files share, with our search attributes. */
  readonly address: string;
  /** "http://127.0.0.1:8233" */
  readonly ui: string;
  readonly namespace: string;
  /** Path of the CLI, for a server of a test's own (`startDevServer`). */
  readonly cliPath: string;
  /** Path of the bundle of `src/workflows`, for `workflowBundle: { codePath }`. */
  readonly workflowBundle: string;
}

/** What the global set-up prepared. @throws Error when it was configured without servers */
export function sharedTemporal(): SharedTemporal {
  const [address, ui, cliPath] = [inject('temporalAddress'), inject('temporalUi'), inject('temporalCli')];
  if (!address || !ui || !cliPath) throw new Error('This test needs Temporal: run it without TEST_SERVERS=none.');
  return { address, ui, cliPath, namespace: 'default', workflowBundle: inject('workflowBundle') ?? '' };
}

/** A prefix that no other test file uses, for task queues and workflow ids on the shared server. */
export function uniquePrefix(name = 'test'): string {
  return `${name}-${randomBytes(5).toString('hex')}`;
}

/** A namespace of its own on the shared server: its queues, ids and search attributes are isolated. */
export async function createTestNamespace(
  name = 'test',
  searchAttributes: readonly string[] = ['EraseTaskId', 'ErasePhase', 'EraseFileId', 'EraseBatchId'],
): Promise<string> {
  const namespace = uniquePrefix(name);
  const connection = await Connection.connect({ address: sharedTemporal().address });
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    await addKeywords(connection, namespace, searchAttributes);
    return namespace;
  } finally {
    await connection.close();
  }
}

/** The server's caches learn of a new namespace within seconds; until then it refuses. */
async function addKeywords(connection: Connection, namespace: string, names: readonly string[]): Promise<void> {
  const { eventually } = await import('./processes.js');
  // 2 is Keyword in temporal.api.enums.v1.IndexedValueType.
  const searchAttributes = Object.fromEntries(names.map((name) => [name, 2]));
  await eventually(`search attributes in ${namespace}`, async () => {
    try {
      if (names.length === 0) await connection.operatorService.listSearchAttributes({ namespace });
      else await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
      return true;
    } catch (error) {
      return /already exist/i.test(String(error)) || undefined;
    }
  });
}
