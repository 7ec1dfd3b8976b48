import type { SharedServers } from '../../test/faults/servers.js';
import type { SimulatorProcess } from '../../test/support/simulator.js';
import type { RunCost } from '../measure/histories.js';

/** What one program gets for one run, the same for all. */
export interface PeerRun {
  servers: SharedServers;
  simulator: SimulatorProcess;
  /** A key pair that only this run uses, to identify its calls in the vendor's log. */
  secretId: string;
  secretKey: string;
  fileIds: readonly string[];
  /** Of durations: tasks, polls and timeouts alike. */
  scale: number;
  /** A folder of its own, removed afterwards. */
  folder: string;
  say(line: string): void;
}

/** A program that erases files, in a state in which it can be watched, killed and started again. */
export interface RunningContender {
  /** How many files it has reported as done. */
  doneCount(): Promise<number>;
  /** The result's FileId of each file that it reported as done. */
  results(): Promise<ReadonlyMap<string, string>>;
  /** SIGKILL, and a new one in its place. */
  killAndRestart(): Promise<void>;
  workerPids(): number[];
  /** Memory of what it needs beside its own process, in MB: servers and databases. Null when it needs none. */
  serviceMegabytes(): number | null;
  /** What some of its runs cost in Temporal; undefined where there is no Temporal. */
  costs?(): Promise<RunCost[]>;
  stop(): Promise<void>;
}

export interface Contender {
  name: string;
  /** Ours has promises to keep, the others only have figures. */
  isOurs?: boolean;
  /** Everything is queued and the worker runs when this returns. @throws NotAvailable */
  start(run: PeerRun): Promise<RunningContender>;
}

/** Something that a peer needs cannot be had here; said in the table. */
export class NotAvailable extends Error {}

/** How long a peer waits between two polls of a task, in seconds: what the vendor's own sample script does. */
export const POLL_SECONDS = 10;

/** Histories that are read for the cost of a run; every run is alike, so some are enough. */
export const COST_SAMPLE = 100;
