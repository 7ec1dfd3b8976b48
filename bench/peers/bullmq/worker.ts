/** The worker of the BullMQ version: a queue of submits with the vendor's rate, and a queue of repeated polls. */
import { DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq';
import { createVendor, isFatal, isThrottled, peerSettings } from '../vendor.js';
import { type EraseJob, jobIdOf, QUEUES, RETRY } from './names.js';

const settings = peerSettings(process.env);
const vendor = createVendor(settings);
const lockDuration = Number(process.env.LOCK_MS);
const connection = { host: '127.0.0.1', port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null };
const submits = new Queue<EraseJob>(QUEUES.submit, { connection });
const looks = new Queue<EraseJob>(QUEUES.poll, { connection });
/** The vendor's own words for how long a refusal lasts: it counts calls in a second. */
const PAUSE_MS = 1_000;

const common = { connection, lockDuration, stalledInterval: lockDuration, maxStalledCount: 10 };

const submitter = new Worker<EraseJob>(
  QUEUES.submit,
  async (job) => {
    const { fileId } = job.data;
    let { taskId } = job.data;
    if (taskId === undefined) {
      try {
        taskId = await vendor.submit(fileId);
      } catch (error) {
        if (isThrottled(error)) {
          await submits.rateLimit(PAUSE_MS);
          throw Worker.RateLimitError();
        }
        throw isFatal(error) ? new UnrecoverableError(String(error)) : error;
      }
      // Kept at once: a job that runs again must not submit again.
      await job.updateData({ fileId, taskId });
    }
    await looks.add(QUEUES.poll, { fileId, taskId }, { jobId: jobIdOf(fileId), delay: settings.pollMs, ...RETRY });
  },
  {
    ...common,
    concurrency: 20,
    limiter: { max: Number(process.env.LIMIT_MAX), duration: Number(process.env.LIMIT_MS) },
  },
);

const looker = new Worker<EraseJob, string>(
  QUEUES.poll,
  async (job, token) => {
    const { done, resultFileId } = await vendor.look(job.data.taskId ?? '');
    if (!done) {
      await job.moveToDelayed(Date.now() + settings.pollMs, token);
      throw new DelayedError();
    }
    if (resultFileId === undefined) throw new UnrecoverableError('The task has no result.');
    return resultFileId;
  },
  { ...common, concurrency: 50, limiter: { max: 80, duration: 1_000 } },
);

for (const worker of [submitter, looker]) worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
await Promise.all([submitter.waitUntilReady(), looker.waitUntilReady()]);
process.stdout.write('ready\n');
