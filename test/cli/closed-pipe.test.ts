import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/local/free-port.js';
import { cleanEnvironment } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const SE = `'${process.execPath}' '${fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))}'`;
/** A reader that leaves at once. */
const GONE = '{ exec <&-; sleep 3; }';
const folder = mkdtempSync(join(tmpdir(), 'smart-erase-pipe-'));
const list = join(folder, 'list.csv');
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  const request = await stack.request();
  writeFileSync(list, `fileId\n${request.fileId}\n`);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack?.stop();
});

/** A line of bash, whose own exit code is that of the first part of its pipe. */
async function bash(line: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', `${line}\nexit \${PIPESTATUS[0]}`], {
    env: cleanEnvironment({ ...stack.env, VOD_SUB_APP_ID: '1500000001' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

const batchOf = (id: string) => stack.ledger.batches.find(id);

describe('batch start', () => {
  it.each([
    ['stdout and stderr', 'both', `2>&1 | ${GONE}`, 5],
    ['stdout', 'out', `2>/dev/null | ${GONE}`, 5],
    ['stderr', 'err', '2> >(exec <&-)', 0],
    ['stderr, which is full', 'full', '2> /dev/full', 0],
  ])('whose %s nobody reads starts its batch', async (_what, id, to, code) => {
    const end = await bash(`{ ${SE} batch start ${list} --recipe subtitles --id ${id} --yes; } ${to}`);
    expect(await batchOf(id)).toMatchObject({ id, total: 1 });
    expect(end.code).toBe(code);
  });
});

describe('list', () => {
  it('says that nothing was written, where the disk is full; and that of a reader that had enough is whole', async () => {
    const full = await bash(`${SE} list -o json > /dev/full`);
    expect([full.code, full.stderr]).toEqual([5, expect.stringContaining('the disk is full')]);
    expect(await bash(`${SE} list -o json | head -1`)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('what only shows', () => {
  it('ends when its reader has left, and says that the batch runs on', async () => {
    const { code, stdout, stderr } = await bash(`${SE} batch watch both --every 100ms -o jsonl | head -1`);
    expect(JSON.parse(stdout)).toMatchObject({ batchId: 'both' });
    expect([code, stderr]).toEqual([8, expect.stringContaining('The batch runs on.')]);
  });
});

describe('a simulator whose log nobody takes', () => {
  it('goes on, and ends as usual', async () => {
    const port = await findFreePort({ port: 0, purpose: 'a test' });
    const child = spawn('bash', ['-c', `exec ${SE} simulator --port ${port} > /dev/full 2>&1`], {
      env: cleanEnvironment({}),
      stdio: 'ignore',
    });
    const answers = async () => (await fetch(`http://127.0.0.1:${port}`).catch(() => undefined)) !== undefined;
    await eventually('the simulator', async () => ((await answers()) ? true : undefined));
    expect(await answers()).toBe(true);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
