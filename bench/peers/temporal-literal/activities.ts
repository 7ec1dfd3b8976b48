import { ApplicationFailure } from '@temporalio/common';
import { codeOf, isFatal, type Vendor } from '../vendor.js';

export function createSubmitActivities(vendor: Vendor) {
  return {
    async submit(fileId: string): Promise<string> {
      try {
        return await vendor.submit(fileId);
      } catch (error) {
        throw asFailure(error);
      }
    },
  };
}

export function createPollActivities(vendor: Vendor) {
  return {
    async poll(taskId: string): Promise<string> {
      const { done, resultFileId } = await vendor.look(taskId).catch((error) => {
        throw asFailure(error);
      });
      if (!done) throw ApplicationFailure.create({ message: 'The task is not done.', type: 'NotDone' });
      if (resultFileId === undefined) throw ApplicationFailure.nonRetryable('The task has no result.', 'NoResult');
      return resultFileId;
    },
  };
}

function asFailure(error: unknown): ApplicationFailure {
  const message = error instanceof Error ? error.message : String(error);
  return ApplicationFailure.create({ message, type: codeOf(error), nonRetryable: isFatal(error) });
}
