import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001' };
});
afterAll(() => stack.stop());

const newFile = async () => (await stack.request()).fileId;
const start = (files: string[], ...more: string[]) =>
  runCli(['start', ...files, '--recipe', 'subtitles', ...more], env);

describe('with no worker', () => {
  it('start prints the workflow, and exists the second time', async () => {
    const file = await newFile();
    const first = await start([file], '-o', 'json');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({
      fileId: file,
      started: true,
      workflowId: expect.stringMatching(/^erase\//),
    });
    const again = await start([file], '-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({ started: false, runId: JSON.parse(first.stdout).runId });
  });

  it('start with another wish for the same key ends with 3 and names the difference', async () => {
    const file = await newFile();
    expect((await start([file], '--key', 'cli-1')).code).toBe(0);
    const other = await start([file], '--key', 'cli-1', '--publish', '{"name": "x"}');
    expect([other.code, other.stdout]).toEqual([3, '']);
    expect(other.stderr).toContain('differs in publish');
  });

  it('start with what no store keeps in its JSON ends with 3 and names the path', async () => {
    const { code, stderr } = await start([await newFile()], '--publish', '{"description": "a\\u0000"}');
    expect([code, stderr]).toEqual([3, expect.stringContaining('publish.description holds the character NUL.')]);
  });

  it('result of a run that goes on ends with 8, at once', async () => {
    const { workflowId } = JSON.parse((await start([await newFile()], '-o', 'json')).stdout);
    const { code, stdout, stderr } = await runCli(['result', workflowId], env);
    expect([code, stdout]).toEqual([8, '']);
    expect(stderr).toContain('still running');
  });

  it('Ctrl-C while waiting ends with 130 and says how to come back', async () => {
    const cli = startCli(['start', await newFile(), '--recipe', 'subtitles', '--wait'], env);
    await eventually('the progress line', () => cli.stderr().includes('0 of 1 done') || undefined);
    cli.process.kill('SIGINT');
    const { code, stderr } = await cli.ended;
    expect(code).toBe(130);
    const [, id = ''] = /smart-erase result (\S+) --wait/.exec(stderr) ?? [];
    const { code: found, stdout } = await runCli(['status', id, '-o', 'json'], env);
    expect([found, JSON.parse(stdout).execution]).toEqual([0, 'running']);
  });

  it('an id that does not exist ends with 3, whatever is asked of it', async () => {
    for (const args of [
      ['status', 'nope'],
      ['result', 'nope', '-o', 'json'],
      ['cancel', 'nope', '--reason', 'x'],
    ]) {
      const { code, stdout, stderr } = await runCli(args, env);
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toContain('There is no erase nope');
    }
  });
});

describe('with a worker', () => {
  beforeAll(() => stack.startWorker());

  it('who started it and why stand in the audit, beside its submit', async () => {
    const file = await newFile();
    const { code, stderr } = await start([file], '--requested-by', 'ann', '--reason', 'asked for by sales', '--wait');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const audit = await runCli(['audit', '-o', 'jsonl'], env);
    const lines = audit.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; details: { fileId?: string } | null });
    expect(lines.filter(({ action, details }) => action === 'submit' && details?.fileId === file)).toEqual([
      expect.objectContaining({ by: 'ann', reason: 'asked for by sales' }),
    ]);
  });

  it('start --wait -o json prints the output of the contract, and nothing else on stdout', async () => {
    const file = await newFile();
    const { code, stdout } = await start([file], '--wait', '-o', 'json');
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      status: 'succeeded',
      reused: false,
      sourceFileId: file,
      recipe: { name: 'subtitles' },
    });
    const { workflowId } = JSON.parse((await start([file], '-o', 'json')).stdout);
    expect(JSON.parse((await runCli(['result', workflowId, '-o', 'json'], env)).stdout)).toEqual(result);
    const table = await runCli(['result', workflowId], env);
    expect(table.stdout).toContain(result.resultFileId);
    const late = await runCli(['cancel', workflowId, '--reason', 'too late', '-o', 'json'], env);
    expect([late.code, JSON.parse(late.stdout)]).toEqual([9, { workflowId, outcome: 'already-ended' }]);
  });

  it('start --wait of several ends with 6 when one fails, and prints every one', async () => {
    const files = [await newFile(), '998', await newFile()];
    const { code, stdout } = await start(files, '--wait', '-o', 'json');
    expect(code).toBe(6);
    const rows = JSON.parse(stdout) as { sourceFileId: string; status: string; error?: { class: string } }[];
    expect(new Map(rows.map((row) => [row.sourceFileId, row.status]))).toEqual(
      new Map(files.map((file) => [file, file === '998' ? 'failed' : 'succeeded'])),
    );
    expect(rows.find(({ status }) => status === 'failed')?.error).toMatchObject({ class: 'input' });
    const lines = (await start(files, '--wait', '-o', 'jsonl')).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).sourceFileId).sort()).toEqual([...files].sort());
  });

  it('one erase that fails ends with the exit code of its class, the code and the RequestId', async () => {
    const { code, stdout, stderr } = await start(['997'], '--wait', '-o', 'json');
    expect(code).toBe(3);
    const { status, error } = JSON.parse(stdout);
    expect([status, error.class]).toEqual(['failed', 'input']);
    for (const words of [error.code, error.requestId, 'What to do:']) expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('list shows what ended, in every format', async () => {
    const file = await newFile();
    await start([file], '--wait');
    const rows = await eventually('the erase in the list', async () => {
      const { stdout } = await runCli(['list', '--phase', 'succeeded', '-o', 'json'], env);
      const found = JSON.parse(stdout) as { fileId: string }[];
      return found.some(({ fileId }) => fileId === file) ? found : undefined;
    });
    const table = await runCli(['list', '--phase', 'succeeded'], env);
    expect(table.stdout.split('\n')[0]).toMatch(/^WORKFLOW\s+EXECUTION\s+PHASE/);
    expect(table.stdout).toContain(file);
    const limited = await runCli(['list', '--limit', '1', '-o', 'jsonl'], env);
    expect(limited.stdout.trim().split('\n')).toHaveLength(1);
    expect(rows.length).toBeGreaterThan(0);
  });
});
