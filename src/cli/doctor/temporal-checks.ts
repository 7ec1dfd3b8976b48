import type { TemporalSettings } from '../../config/temporal-settings.js';
import { EXIT } from '../../contract/error-classes.js';
import { QUEUE, REQUIRED_SEARCH_ATTRIBUTES, SEARCH_ATTRIBUTE } from '../../contract/names.js';
import { OLDEST_TEMPORAL_SERVER } from '../../temporal/cli-binary.js';
import { type ClientConnection, connectClient } from '../../temporal/connection.js';
import { commandsToCreate, inspectSearchAttributes } from '../../temporal/search-attributes.js';
import { temporalError } from '../../temporal/service-errors.js';
import { type Check, fail, failedBy, ok, warn } from './check.js';

/** The vendor forgets a task after 72 hours; a run should be readable for at least as long. */
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
    const parts = [server, retention, searchAttributes, workers] as const;
    const checks: Check[] = [];
    for (const part of parts) checks.push(await part(connected));
    return checks;
  } finally {
    await connected.connection.close();
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

/** Of "1.29.1" and the like; a version that is not in numbers is taken for new. */
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

async function searchAttributes({ connection, address, namespace }: ClientConnection): Promise<Check> {
  const name = 'Search attributes';
  try {
    const { registered, missing, freeKeywordSlots, problems } = await inspectSearchAttributes(connection, namespace);
    const [problem] = problems;
    if (problem !== undefined) return warn(name, problem, 'Runs work without it; `list --phase` needs it.');
    const found = registered.map((key) => SEARCH_ATTRIBUTE[key]).join(', ') || 'none';
    if (!missing.some((key) => REQUIRED_SEARCH_ATTRIBUTES.includes(key))) return ok(name, found);
    const lacking = missing.map((key) => SEARCH_ATTRIBUTE[key]).join(', ');
    const room = missing.length <= freeKeywordSlots ? '' : `, and SQL visibility has room for ${freeKeywordSlots} more`;
    return warn(
      name,
      `${lacking} not registered${room}`,
      `Run \`smart-erase setup\`, or have it done: ${commandsToCreate(namespace, missing)}. Runs work without; finding them is harder.`,
    );
  } catch (error) {
    const known = temporalError(error, address);
    if (known === error) return failedBy(name, error);
    return warn(name, 'cannot be read by this caller', 'They stay unused where they cannot be read.');
  }
}

async function workers({ connection, address, namespace }: ClientConnection): Promise<Check> {
  try {
    const idle: string[] = [];
    for (const queue of Object.values(QUEUE)) {
      const { pollers } = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: queue },
        taskQueueType: ACTIVITY_QUEUE,
      });
      if (pollers.length === 0) idle.push(queue);
    }
    if (idle.length === 0) return ok('Workers', `poll ${Object.values(QUEUE).join(', ')}`);
    return warn('Workers', `none has polled ${idle.join(', ')} lately`, 'Start one: `smart-erase worker`.');
  } catch (error) {
    return failedBy('Workers', temporalError(error, address));
  }
}
