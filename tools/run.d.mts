/** A failure that one sentence explains. */
export declare class Trouble extends Error {}
/** What is wrong with this version of Node ("v18.20.4"), in a sentence; undefined when it will do. */
export declare function nodeProblem(version: string): string | undefined;
/** Whether node_modules holds what package-lock.json asks for. */
export declare function dependenciesInstalled(): boolean;
