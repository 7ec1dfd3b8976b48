import type {} from 'vitest';

/** What the global set-up prepared, by `inject` of vitest. Null where the set-up was configured without servers. */
declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the Temporal CLI. */
    temporalCli: string | null;
    /** "127.0.0.1:7233": one dev server for all test files, in memory. */
    temporalAddress: string | null;
    /** "http://127.0.0.1:8233" */
    temporalUi: string | null;
    /** URL of the maintenance database `postgres` of one server for all test files. */
    postgresAdminUrl: string | null;
    /** Path of the workflow bundle, made from `src/workflows`; null while there is no such code. */
    workflowBundle: string | null;
  }
}
