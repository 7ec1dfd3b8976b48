import type { SharedServers } from '../test/faults/servers.js';
import type { BenchOptions, GroupName } from './options.js';
import type { Row } from './report.js';

export interface BenchContext {
  servers: SharedServers;
  options: BenchOptions;
  /** Of the scenarios that ran before this one, to compare with. */
  rowsBefore: readonly Row[];
  /** Progress, for a person; not part of the result. */
  say(line: string): void;
}

export interface Scenario {
  group: GroupName;
  name: string;
  /** What it shows, in a few words. */
  about: string;
  /** Left out of `--short` unless it is asked for by its group or its name. */
  longOnly?: boolean;
  run(context: BenchContext): Promise<Row[]>;
}
