/** The worker of the literal Temporal version: a queue for everything, and one with the vendor's rate for the submits. */
import { NativeConnection, Worker } from '@temporalio/worker';
import { createVendor, peerSettings } from '../vendor.js';
import { createPollActivities, createSubmitActivities } from './activities.js';
import { LITERAL } from './names.js';

const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, WORKFLOW_BUNDLE = '' } = process.env;
const vendor = createVendor(peerSettings(process.env));
const connection = await NativeConnection.connect({ address: TEMPORAL_ADDRESS });
const common = { connection, namespace: TEMPORAL_NAMESPACE };
const workers = await Promise.all([
  Worker.create({
    ...common,
    taskQueue: LITERAL.queue,
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    activities: createPollActivities(vendor),
  }),
  Worker.create({
    ...common,
    taskQueue: LITERAL.submitQueue,
    activities: createSubmitActivities(vendor),
    maxTaskQueueActivitiesPerSecond: 20,
  }),
]);
process.stdout.write('ready\n');
await Promise.all(workers.map((worker) => worker.run()));
