export interface BuildOptions {
  onProgress?: (line: string) => void;
  /** Default true: an error of types fails the build; otherwise it is told, and the program is built all the same. */
  strict?: boolean;
}
export interface Built {
  /** Path of the workflow bundle; null while there are no workflows. */
  workflowBundle: string | null;
}
export declare function build(options?: BuildOptions): Promise<Built>;
/** An error whose message is enough. */
export declare class BuildError extends Error {}
