import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { type DevStack, startDevStack } from '../../src/local/stack/dev-stack.js';
import { thisProgram } from '../../src/local/stack/start-child.js';
import type { MediaSpec } from '../../src/simulator/admin.js';
import { SimulatorAdmin } from '../../test/support/simulator.js';
import { Terminal } from './terminal.js';

/** Short tasks, and waits that fit them: nobody looks at a picture for ten minutes. */
const SIMULATOR_ARGUMENTS = ['--task-duration', '2s-6s'];
const WORKER_ENVIRONMENT = {
  VOD_WATCH_INTERVAL_SECONDS: '1',
  VOD_POLL_FIRST_SECONDS: '1',
  VOD_POLL_MAX_SECONDS: '4',
  // A submit without a certain answer is in doubt for this long; with the default it would be a minute.
  VOD_REQUEST_TIMEOUT_SECONDS: '2',
  VOD_SETTLE_SECONDS: '12',
  SMART_ERASE_LOG_LEVEL: 'error',
};
const SUBMIT = 'ProcessMediaByMPS';
/** Who works here, in the pictures and in the ledger. */
const OPERATOR = 'alice';

/** All that the pictures are taken of: the local stack, and an empty folder in which an operator works. */
export class Stage {
  private constructor(
    readonly stack: DevStack,
    readonly admin: SimulatorAdmin,
    readonly temporal: Client,
    readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async set(say: (line: string) => void): Promise<Stage> {
    const stack = await startDevStack({
      temporalPort: 0,
      uiPort: 0,
      simulatorPort: 0,
      databasePort: 0,
      simulatorArgs: SIMULATOR_ARGUMENTS,
      workerEnvironment: WORKER_ENVIRONMENT,
      onProgress: say,
    });
    const home = mkdtempSync(join(tmpdir(), 'smart-erase-pictures-'));
    const [folder, bin] = [join(home, 'work'), join(home, 'bin')];
    mkdirSync(folder);
    mkdirSync(bin);
    const [node, main] = thisProgram();
    writeFileSync(join(bin, 'smart-erase'), `#!/bin/sh\nexec '${node}' '${main}' "$@"\n`);
    chmodSync(join(bin, 'smart-erase'), 0o755);
    const PATH = [bin, process.env.PATH ?? ''].join(delimiter);
    const env = {
      ...process.env,
      ...stack.environment,
      PATH,
      USER: OPERATOR,
      LOGNAME: OPERATOR,
      TZ: 'UTC',
      LC_ALL: 'C.UTF-8',
    };
    const connection = await Connection.connect({ address: stack.temporal });
    const temporal = new Client({ connection, namespace: stack.namespace });
    return new Stage(stack, new SimulatorAdmin(stack.simulator ?? ''), temporal, folder, env);
  }

  /** A shell in the operator's folder, with `smart-erase` on its PATH. */
  terminal(size: { columns: number; rows: number }): Promise<Terminal> {
    return Terminal.open({ ...size, cwd: this.folder, env: this.env });
  }

  /** A spreadsheet of files that the vendor has, with their names as keys. */
  async spreadsheet(name: string, files: readonly MediaSpec[]): Promise<void> {
    await this.admin.addMedia(files);
    const lines = files.map(({ fileId, name: key }) => `${fileId},${key}`);
    writeFileSync(join(this.folder, name), ['fileId,key', ...lines, ''].join('\n'));
  }

  /** The task of this file fails, however often it is tried. */
  async spoil({ fileId }: MediaSpec): Promise<void> {
    const code = 'SourceFileError.NotExist';
    await this.admin.addFault({ action: SUBMIT, kind: 'task-failure', code, fileId, times: 2 });
  }

  /** The vendor says that it has this erase already, and lists no task of it: it is held for an operator. */
  async confuse({ fileId }: MediaSpec): Promise<void> {
    await this.admin.addFault({ action: SUBMIT, kind: 'error', code: 'FailedOperation.TaskDuplicate', fileId });
  }

  /** The vendor refuses this file. */
  async refuse({ fileId }: MediaSpec): Promise<void> {
    await this.admin.addFault({ action: SUBMIT, kind: 'error', code: 'InvalidParameterValue.FileId', fileId });
  }

  /** The page of a run in Temporal's UI. */
  async pageOf(workflowId: string): Promise<string> {
    const { runId } = await this.temporal.workflow.getHandle(workflowId).describe();
    const { ui, namespace } = this.stack;
    return `${ui}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}`;
  }

  async strike(): Promise<void> {
    await this.temporal.connection.close();
    await this.stack.stop();
    rmSync(join(this.folder, '..'), { recursive: true, force: true });
  }
}

/** Videos of half a minute to a few minutes, the same each time. */
export function videos(count: number, name: string, firstFileId: bigint): MediaSpec[] {
  return Array.from({ length: count }, (_, at) => ({
    fileId: String(firstFileId + BigInt(at) * 7_919n),
    name: `${name}-${String(at + 1).padStart(3, '0')}`,
    duration: 30 + ((at * 37) % 200),
    width: 1_280,
    height: 720,
  }));
}
