import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explain } from '../../src/cli/error-printer.js';
import { runCli } from '../support/cli.js';

const BRIDGE = '/app/node_modules/@temporalio/core-bridge/releases/x86_64-unknown-linux-gnu/index.node';

function dlopenError(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' });
}

describe('a part that cannot be loaded', () => {
  it.each([
    [
      'musl',
      `Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by ${BRIDGE})`,
      /Alpine/,
    ],
    [
      'musl, by its own name',
      `Error relocating ${BRIDGE}: __res_init: symbol not found (ld-musl-x86_64.so.1)`,
      /Alpine/,
    ],
    [
      'an old glibc',
      `/lib/x86_64-linux-gnu/libc.so.6: version \`GLIBC_2.38' not found (required by ${BRIDGE})`,
      /older/,
    ],
    [
      'a missing library',
      `libssl.so.3: cannot open shared object file: No such file or directory (${BRIDGE})`,
      /Install/,
    ],
    ['another processor', `${BRIDGE}: cannot open shared object file: wrong ELF class: ELFCLASS32`, /npm ci/],
    ['another system', `${BRIDGE}: invalid ELF header`, /npm ci/],
    ['another Node', `The module '${BRIDGE}' was compiled against a different Node.js version`, /npm ci/],
    ['an unknown symbol', `${BRIDGE}: undefined symbol: napi_no_such_thing`, /npm ci/],
  ])('for %s is named, with what helps', (_why, message, advice) => {
    const told = explain(dlopenError(message));
    expect(told).toMatchObject({ exitCode: 4, advice: expect.stringMatching(advice) });
    expect(told.what[0]).toContain('@temporalio/core-bridge');
  });

  it('is known by the loaders of the packages too', () => {
    const swc = new Error('Failed to load native binding', {
      cause: [new Error("Cannot find module '@swc/core-linux-x64-musl'")],
    });
    expect(explain(swc)).toMatchObject({ exitCode: 4, what: [expect.stringContaining('@swc/core')] });
    const bridge = new Error('No prebuilt module for arch riscv64');
    bridge.stack = `PrebuildError: …\n    at ${BRIDGE}`;
    expect(explain(bridge)).toMatchObject({ exitCode: 4, what: [expect.stringContaining('core-bridge')] });
    const missing = Object.assign(new Error("Cannot find module '@swc/core-linux-x64-musl'"), {
      code: 'MODULE_NOT_FOUND',
    });
    expect(explain(missing)).toMatchObject({ exitCode: 4 });
  });

  it('leaves other errors as they are', () => {
    expect(explain(new Error('boom'))).toMatchObject({ exitCode: 1 });
  });
});

describe('where the native part of the Temporal SDK cannot be loaded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smart-erase-native-'));
  const preload = join(folder, 'no-native.cjs');
  // As the loader of a system with musl ends.
  writeFileSync(
    preload,
    `process.dlopen = (_module, file) => {
      throw Object.assign(new Error('Error loading shared library ld-linux-x86-64.so.2: No such file (needed by ' + file + ')'), {
        code: 'ERR_DLOPEN_FAILED',
      });
    };`,
  );
  afterAll(() => rmSync(folder, { recursive: true }));
  const env = {
    NODE_OPTIONS: `--require=${preload}`,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
  };

  it('a worker ends with 4, and says what helps', async () => {
    const { code, stderr } = await runCli(['worker'], env);
    expect(JSON.parse(stderr)).toMatchObject({
      level: 'fatal',
      exitCode: 4,
      msg: expect.stringContaining('@temporalio/core-bridge'),
      advice: expect.stringContaining('Alpine'),
    });
    expect(code).toBe(4);
  });

  it('doctor finds it', async () => {
    const { stdout } = await runCli(['doctor', '-o', 'jsonl'], env);
    const [check] = stdout.split('\n').map((line) => (line === '' ? null : JSON.parse(line)));
    expect(check).toMatchObject({ name: 'Native parts', verdict: 'fail', exitCode: 4 });
  });
});
