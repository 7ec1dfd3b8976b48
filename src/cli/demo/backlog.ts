import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSnapshot } from '../../contract/batch.js';
import { startProcess } from '../../local/owned-process.js';
import { thisProgram } from '../../local/stack/start-child.js';
import { endedItems } from '../batch/snapshot-lines.js';
import type { Output } from '../output.js';
import { bar, Progress } from '../progress.js';

const BATCH_ID = 'demo';

export interface BacklogStage {
  output: Output;
  /** Environment of the demo stack. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

export interface BacklogEnd {
  items: number;
  succeeded: number;
  failed: number;
}

/**
 * Runs plan, batch and report by the operator's commands, each in a process of its own.
 * @throws Error when a command fails
 */
export async function runBacklog(stage: BacklogStage, fileIds: readonly string[]): Promise<BacklogEnd> {
  const { output } = stage;
  const folder = await mkdtemp(join(tmpdir(), 'smart-erase-demo-'));
  try {
    const list = join(folder, 'list.csv');
    const report = join(folder, 'report');
    await writeFile(list, ['fileId,title', ...fileIds.map((fileId, at) => `${fileId},Clip ${at + 1}`), ''].join('\n'));
    await command(stage, ['batch', 'plan', list, '--recipe', 'subtitles'], (line) => output.say(`     ${line}`));
    const end = await startAndWatch(stage, list);
    await command(stage, ['batch', 'results', BATCH_ID, '--out', report]);
    const mapping = (await readFile(join(report, 'mapping.csv'), 'utf8')).trim().split('\n');
    output.say(`   the report has which new file belongs to which source, such as ${mapping[1] ?? 'none'}`);
    const { total, succeeded, reused } = end.counts;
    return { items: total, succeeded: succeeded + reused, failed: total - succeeded - reused };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function startAndWatch(stage: BacklogStage, list: string): Promise<BatchSnapshot> {
  const progress = new Progress(stage.output);
  let last: BatchSnapshot | undefined;
  try {
    const args = ['--recipe', 'subtitles', '--id', BATCH_ID, '--yes', '--watch', '--every', '400ms', '-o', 'jsonl'];
    await command(stage, ['batch', 'start', list, ...args], (line) => {
      const printed = JSON.parse(line) as BatchSnapshot | { counts?: undefined };
      // The first line is the started batch.
      if (printed.counts === undefined) return;
      last = printed;
      const { counts } = last;
      const done = endedItems(counts);
      progress.update([
        `   started ${bar(counts.total - counts.pending, counts.total)} ${counts.total - counts.pending} of ${counts.total}`,
        `   done    ${bar(done, counts.total)} ${done} of ${counts.total}`,
      ]);
    });
  } finally {
    progress.end();
  }
  if (last === undefined) throw new Error('The batch told nothing.');
  return last;
}

/** Runs this program in a child process until it ends; `onLine` receives each stdout line. */
async function command(
  { output, env, signal }: BacklogStage,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<void> {
  signal.throwIfAborted();
  output.say(`   $ smart-erase ${args.join(' ')}`);
  const [program, main] = thisProgram();
  const child = await startProcess({
    name: `smart-erase ${args.slice(0, 2).join(' ')}`,
    command: program,
    args: [main, ...args],
    env,
    onLine: (line, stream) => {
      if (stream === 'stdout') onLine(line);
    },
  });
  const stop = () => void child.stop({ graceMs: 1_000 });
  signal.addEventListener('abort', stop, { once: true });
  const { code } = await child.ended;
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (code !== 0) {
    throw new Error(`smart-erase ${args.join(' ')} ended with ${code}: ${child.lastLines().join(' | ')}`);
  }
}
