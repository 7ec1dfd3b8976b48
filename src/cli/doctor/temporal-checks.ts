import type { TemporalSettings } from '../../config/temporal-settings.js';
import { EXIT } from '../../contract/error-classes.js';
import { type Names, namesWith, REQUIRED_SEARCH_ATTRIBUTES } from '../../contract/names.js';
import { OLDEST_TEMPORAL_SERVER } from '../../local/temporal-cli.js';
import { type ClientConnection, connectClient } from '../../temporal/connection.js';
import {
  commandsToCreate,
  inspectSearchAttributes,
  mayRegisterSearchAttributes,
} from '../../temporal/search-attributes.js';
import { GRPC, grpcCode, isMissingNamespace, temporalError } from '../../temporal/service-errors.js';
import { type Check, fail, failedBy, ok, warn } from './check.js';

/** The vendor keeps a task for 72 hours; a run should be readable for at least as long. */
const MIN_RETENTION_HOURS = 72;
const ACTIVITY_QUEUE = 2;

export async function temporalChecks(settings: TemporalSettings): Promise<Check[]> {
  let connected: ClientConnection;
  try {
    connected = await connectClient(settings);
  } catch (error) {
    return [failedBy('Temporal', error)];
  }
  try {
    const parts = [server, retention, rights, searchAttributes, workers] as const;
    const names = namesWith(settings.prefix);
    const checks: Check[] = [];
    for (const part of parts) {
      checks.push(await part(connected, names));
      if (part !== server) continue;
      checks.push(await workerConnection(settings));
      // Every further call would report the same problem.
      if (await lacksNamespace(connected, checks)) break;
    }
    return checks;
  } finally {
    await connected.connection.close();
  }
}

/** The worker's connection uses other code, which may fail separately. */
async function workerConnection(settings: TemporalSettings): Promise<Check> {
  const name = 'Worker connection';
  try {
    const { connectWorker, quietRuntime } = await import('../../temporal/worker-connection.js');
    quietRuntime();
    const { connection, address } = await connectWorker(settings);
    await connection.close();
    return ok(name, `a worker here reaches ${address}, by its own way`);
  } catch (error) {
    return failedBy(name, error);
  }
}

async function server({ connection, address, namespace }: ClientConnection): Promise<Check> {
  try {
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    const found = `server ${serverVersion} at ${address}, namespace ${namespace}`;
    if (isOlder(serverVersion, OLDEST_TEMPORAL_SERVER)) {
      const advice = `Upgrade it to ${OLDEST_TEMPORAL_SERVER} or newer: updates, user metadata and completion by id are complete from there on.`;
      return fail('Temporal', found, advice, EXIT.configuration);
    }
    return ok('Temporal', found);
  } catch (error) {
    return failedBy('Temporal', temporalError(error, address));
  }
}

/** Adds a failure for a missing namespace; other checks report other problems. */
async function lacksNamespace({ connection, address, namespace }: ClientConnection, checks: Check[]): Promise<boolean> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (!isMissingNamespace(error)) return false;
    checks.push(failedBy('Namespace', temporalError(error, address)));
    return true;
  }
  return false;
}

/** Compares versions such as "1.29.1"; a version that is not numeric counts as new. */
function isOlder(version: string, than: string): boolean {
  const [have, need] = [version, than].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  for (let at = 0; at < 3; at++) {
    const difference = (have?.[at] ?? 0) - (need?.[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

async function retention({ connection, address, namespace }: ClientConnection): Promise<Check> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    const hours = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 3_600;
    const found = `runs of ${namespace} are kept for ${hours} hours after they end`;
    if (hours >= MIN_RETENTION_HOURS) return ok('Retention', found);
    return warn(
      'Retention',
      found,
      `Set it to ${MIN_RETENTION_HOURS} hours or more, to be able to look back: ` +
        `\`temporal operator namespace update --namespace ${namespace} --retention ${MIN_RETENTION_HOURS}h\`. ` +
        'The ledger remembers what was paid in any case.',
    );
  } catch (error) {
    return failedBy('Retention', temporalError(error, address));
  }
}

/**
 * Calls of clients and workers with missing arguments, so that nothing changes. A server checks the right before the arguments,
 * so the error shows whether the call is allowed.
 */
async function rights({ connection, address, namespace }: ClientConnection): Promise<Check> {
  const name = 'Temporal rights';
  const { workflowService } = connection;
  const calls: Record<string, () => Promise<unknown>> = {
    StartWorkflowExecution: () => workflowService.startWorkflowExecution({ namespace }),
    PollWorkflowTaskQueue: () => workflowService.pollWorkflowTaskQueue({ namespace }),
    PollActivityTaskQueue: () => workflowService.pollActivityTaskQueue({ namespace }),
    ListWorkflowExecutions: () => workflowService.listWorkflowExecutions({ namespace, pageSize: 1 }),
  };
  const missing: string[] = [];
  for (const [call, make] of Object.entries(calls)) {
    try {
      await make();
    } catch (error) {
      const code = grpcCode(error);
      if (code === GRPC.permissionDenied) missing.push(call);
      else if (code !== GRPC.invalidArgument) return failedBy(name, temporalError(error, address));
    }
  }
  if (missing.length === 0) return ok(name, `may call ${Object.keys(calls).join(', ')}`);
  return fail(
    name,
    `this caller may not call ${missing.join(', ')} in namespace ${namespace}`,
    'Give it the right to read and write in the namespace (Temporal Cloud: permission "write").',
    EXIT.configuration,
  );
}

async function searchAttributes({ connection, address, namespace }: ClientConnection, names: Names): Promise<Check> {
  const name = 'Search attributes';
  try {
    const state = await inspectSearchAttributes(connection, namespace, names);
    const [problem] = state.problems;
    if (problem !== undefined) return warn(name, problem.sentence, 'Runs work without it; `list --phase` needs it.');
    const slots = await slotsText(connection, state.freeKeywordSlots);
    const found = `${state.registered.map((key) => names.searchAttribute[key]).join(', ') || 'none'}; ${slots}`;
    const missing = REQUIRED_SEARCH_ATTRIBUTES.filter((key) => state.missing.includes(key));
    if (missing.length === 0) return ok(name, found);
    const lacking = missing.map((key) => names.searchAttribute[key]).join(', ');
    const command = commandsToCreate(namespace, missing, names);
    const without = 'Runs work without; finding them is harder.';
    const advice = (await mayRegisterSearchAttributes(connection, namespace))
      ? `Run \`smart-erase setup\`, or have it done: ${command}. ${without}`
      : `This caller may not create them; have an administrator do it: ${command}. ${without}`;
    return warn(name, `${lacking} not registered; ${slots}`, advice);
  } catch (error) {
    const known = temporalError(error, address);
    if (known === error) return failedBy(name, error);
    return warn(
      name,
      'cannot be read by this caller',
      `They stay unused where they cannot be read. Have an administrator see to it: ${commandsToCreate(namespace, REQUIRED_SEARCH_ATTRIBUTES, names)}.`,
    );
  }
}

/** Elasticsearch visibility, and Temporal Cloud, which reports no store, allow more attributes than SQL. */
async function slotsText(connection: ClientConnection['connection'], freeInSql: number): Promise<string> {
  const { visibilityStore = '' } = await connection.workflowService.getClusterInfo({}).catch(() => ({}) as never);
  if (/elasticsearch/i.test(visibilityStore)) return 'Elasticsearch has room for more';
  const store = visibilityStore === '' ? 'SQL visibility' : `visibility in ${visibilityStore}`;
  return `${store} has room for ${freeInSql} more of type Keyword`;
}

async function workers({ connection, address, namespace }: ClientConnection, { queue: queues }: Names): Promise<Check> {
  try {
    const idle: string[] = [];
    for (const queue of Object.values(queues)) {
      const { pollers } = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: queue },
        taskQueueType: ACTIVITY_QUEUE,
      });
      if (pollers.length === 0) idle.push(queue);
    }
    if (idle.length === 0) return ok('Workers', `poll ${Object.values(queues).join(', ')}`);
    return warn(
      'Workers',
      `none has polled ${idle.join(', ')} lately`,
      'Start one: `smart-erase worker`, with the same SMART_ERASE_PREFIX as here.',
    );
  } catch (error) {
    return failedBy('Workers', temporalError(error, address));
  }
}
