export const LITERAL = { queue: 'literal', submitQueue: 'literal-submit', workflow: 'literalErase' } as const;

export interface LiteralInput {
  fileId: string;
  submitQueue: string;
  pollMs: number;
  callTimeoutMs: number;
}

export const workflowIdOf = (fileId: string) => `erase-${fileId}`;
