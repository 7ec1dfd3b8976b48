import { Connection } from '@temporalio/client';
import { eventually } from '../support/processes.js';
import { batchesNotFound, documentedQueries, programQueries, refusedQueries } from '../support/visibility-queries.js';
import type { Claims } from './claims.js';
import type { NativeImage } from './image.js';
import type { NativeStack } from './native-stack.js';
import { runCommand } from './run-command.js';

const NAMESPACE = 'default';
/** Of docs/operate.md, which says that the oldest server does not know it. */
const NOT_ON_THE_OLDEST = 'TemporalReportedProblems IS NOT NULL';

/** Every list filter of program and documents on this server; the everyday tests have them on the oldest that is tested. */
export async function checkListQueries(stack: NativeStack, claims: Claims): Promise<void> {
  const connection = await Connection.connect({ address: stack.temporalAddress });
  try {
    const server = { connection, namespace: NAMESPACE };
    const documented = documentedQueries().map(({ query }) => query);
    const queries = [...(await programQueries()), ...documented, NOT_ON_THE_OLDEST];
    const refused = await refusedQueries(server, queries);
    claims.hold(
      `the server takes the ${new Set(queries).size} list filters of program and documents`,
      refused.length === 0,
      refused,
    );
    const wrong = await batchesNotFound(server);
    claims.hold('it finds a batch by its id, whatever that has in it', wrong.length === 0, wrong);
  } finally {
    await connection.close();
  }
}

/** The list of a batch's erases by visibility, against what the batch itself counts. */
export async function checkLists(
  stack: NativeStack,
  image: NativeImage,
  { batchId, count }: { batchId: string; count: number },
  claims: Claims,
): Promise<void> {
  const listed = async (...filter: string[]) => {
    const { code, stdout, stderr } = await runCommand(stack, image, [
      'list',
      ...filter,
      '--limit',
      String(2 * count),
      '-o',
      'jsonl',
    ]);
    if (code !== 0) throw new Error(`list ${filter.join(' ')} ended with ${code}: ${stderr}`);
    return stdout.split('\n').filter((line) => line !== '').length;
  };
  let found = 0;
  // Visibility follows within a second.
  const all = await eventually('the list of the batch', async () => {
    found = await listed('--batch', batchId, '--phase', 'succeeded');
    return found === count || undefined;
  }).catch(() => false);
  const others = await listed('--batch', batchId, '--status', 'failed');
  claims.hold(`list finds the ${count} by batch and phase, and no others`, all === true && others === 0, {
    found,
    others,
  });
}

/** The UI of the image: its page, and a list that it asks the server for. */
export async function checkUi(stack: NativeStack, claims: Claims): Promise<void> {
  await stack.up('temporal-ui');
  await stack.healthy('temporal-ui');
  const url = `http://127.0.0.1:${stack.ports.of('temporal-ui', 8080)}`;
  const page = await (await fetch(url)).text();
  const list = await fetch(
    `${url}/api/v1/namespaces/${NAMESPACE}/workflows?query=${encodeURIComponent("WorkflowType='erase'")}`,
  );
  const { executions = [] } = (await list.json()) as { executions?: unknown[] };
  const well = /<html/i.test(page) && list.status === 200 && executions.length > 0;
  claims.hold("Temporal's UI shows its page and lists erases", well, {
    status: list.status,
    executions: executions.length,
  });
}
