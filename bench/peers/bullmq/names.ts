export const QUEUES = { submit: 'submit', poll: 'poll' } as const;

export interface EraseJob {
  fileId: string;
  taskId?: string;
}

/** BullMQ takes no id that is only digits. */
export const jobIdOf = (fileId: string) => `erase-${fileId}`;

/** A failed attempt is repeated after 1 s, 2 s, 4 s, … */
export const RETRY = { attempts: 10, backoff: { type: 'exponential', delay: 1_000 } } as const;
