import { Queue } from 'bullmq';
import { type EraseJob, jobIdOf, type OpenQueues, QUEUES, RETRY } from './names.js';

export const openQueues: OpenQueues = (port) => {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const submits = new Queue<EraseJob>(QUEUES.submit, { connection });
  const looks = new Queue<EraseJob, string>(QUEUES.poll, { connection });
  return {
    async add(fileIds) {
      const jobs = fileIds.map((fileId) => ({
        name: QUEUES.submit,
        data: { fileId },
        opts: { jobId: jobIdOf(fileId), ...RETRY },
      }));
      await submits.addBulk(jobs);
    },
    doneCount: () => looks.getCompletedCount(),
    async results(most) {
      const jobs = await looks.getCompleted(0, most);
      return new Map(jobs.map((job) => [job.data.fileId, job.returnvalue]));
    },
    async close() {
      await Promise.all([submits.close(), looks.close()]);
    },
  };
};
