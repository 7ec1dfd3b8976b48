export const QUEUES = { submit: 'submit', poll: 'poll' } as const;

export interface EraseJob {
  fileId: string;
  taskId?: string;
}

/** BullMQ takes no id that is only digits. */
export const jobIdOf = (fileId: string) => `erase-${fileId}`;

/** A failed attempt is repeated after 1 s, 2 s, 4 s, … */
export const RETRY = { attempts: 10, backoff: { type: 'exponential', delay: 1_000 } } as const;

/** Both queues, as the benchmark fills and reads them. */
export interface Queues {
  add(fileIds: readonly string[]): Promise<void>;
  doneCount(): Promise<number>;
  /** The result's FileId of each file that is done. */
  results(most: number): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

/** What queues.ts exports. */
export type OpenQueues = (port: number) => Queues;
