import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/local/free-port.js';
import { EraseStack } from '../support/erase-stack.js';
import { SUB_APP_ID } from '../support/simulator.js';
import { sharedTemporal } from '../support/temporal.js';
import { howToRun } from './how-to-run.js';
import { lint } from './lint.js';
import { blocksOf, type DocCommand, mentionsOf } from './markdown.js';
import { SCENES, type Stand, World } from './scenes.js';
import { programsIn, Terminal } from './terminal.js';
import { words } from './words.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(ROOT + path, 'utf8');
const pagesOf = (folder: string) => readdirSync(ROOT + folder).filter((name) => name.endsWith('.md'));

/** Pages whose blocks are run, in the order in which they are read. */
const PAGES = ['README.md', ...pagesOf('docs').map((name) => `docs/${name}`), 'examples/README.md'];
/** Pages in which commands are mentioned besides. */
const MORE_PAGES = ['CONTRIBUTING.md', 'bench/README.md', ...pagesOf('docs/adr').map((name) => `docs/adr/${name}`)];

/** They run until Ctrl-C: how it shows that they are ready, and the exit code after it. */
const UNTIL_CTRL_C: readonly { command: RegExp; ready: RegExp; exit: number }[] = [
  { command: /smart-erase dev\b/, ready: /Ctrl-C ends it/, exit: 0 },
  { command: /smart-erase worker\b/, ready: /is ready on/, exit: 0 },
  { command: /batch watch\b/, ready: /^\d{4}-\d\d-\d\dT/m, exit: 130 },
];
/** The longest block has nine commands, each a process; on a machine that does other things besides. */
const BLOCK_TIMEOUT_MS = 180_000;
/** Nobody is there to say yes. */
const ASKS = /smart-erase (trial|batch (start|redrive|adopt)) (?!.*--dry-run)/;

const blocks = PAGES.flatMap((page) => blocksOf(page, read(page)));

describe('every command in a block', () => {
  let folder: string;
  let stack: EraseStack;
  let world: World;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'smart-erase-docs-'));
    stack = await EraseStack.start({
      env: { SMART_ERASE_WATCH: 'on', VOD_WATCH_INTERVAL_SECONDS: '0.5', VOD_SUB_APP_ID: String(SUB_APP_ID) },
    });
    const port = await findFreePort({ port: 0, purpose: 'the worker' });
    await stack.startWorker(
      { SMART_ERASE_METRICS_PORT: String(port) },
      { feederTimings: { tickMs: 200, minRoundMs: 2_000 } },
    );
    world = new World(stack, folder, port);
    const programs = programsIn(join(folder, '.programs'), sharedTemporal().cliPath);
    // A reader's worker says when it is ready.
    env = { ...stack.env, SMART_ERASE_LOG_LEVEL: 'info', PATH: `${programs}:${process.env.PATH}`, USER: 'ann' };
  });
  afterAll(async () => {
    await world?.close();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(blocks.map((block) => [block.name, block] as const))(
    '%s',
    async (name, block) => {
      const terminal = new Terminal(folder, { ...env });
      const scene = SCENES[name]?.(world);
      const toBeInterrupted: number[] = [];
      try {
        for (const command of block.commands) {
          if (command.needs !== null) {
            expect(await lint(command.text, sharedTemporal().cliPath), command.at).toBeNull();
            continue;
          }
          const how = howToRun(command, block);
          if (how === 'elsewhere') continue;
          const stand = await scene?.(command.text);
          if (how === 'sql') await stack.query(command.text);
          else toBeInterrupted.push(...(await execute(terminal, command, stand ?? {})));
        }
      } finally {
        const ends = await terminal.interrupt();
        expect(ends.map(({ code }) => code)).toEqual(toBeInterrupted.reverse());
      }
    },
    BLOCK_TIMEOUT_MS,
  );

  /** @returns the exit codes that Ctrl-C will have, of what goes on running */
  async function execute(terminal: Terminal, { text, at }: DocCommand, stand: Stand): Promise<number[]> {
    for (const [name, value] of Object.entries(stand.env ?? {})) terminal.export(name, value);
    const typed = asRunHere(text, stand);
    if (typed.startsWith('export ')) {
      for (const assignment of words(typed).slice(1)) {
        const [, variable = '', value = ''] = /^(\w+)=(.*)$/s.exec(assignment) ?? [];
        // An address, a key, a database of the reader's: here it is the stack's own.
        terminal.export(variable, env[variable] ?? value);
      }
      return [];
    }
    // A scene that knows how it ends has one that ends by itself.
    const until = stand.exit === undefined ? UNTIL_CTRL_C.find(({ command }) => command.test(typed)) : undefined;
    if (until !== undefined) {
      await terminal.runUntil(typed, until.ready);
      if (!until.command.test('batch watch')) return [until.exit];
      // Whoever watches goes on with the next line after Ctrl-C.
      const [end] = await terminal.interrupt();
      expect(end?.code, `${at}: ${typed}`).toBe(until.exit);
      return [];
    }
    const { code, output } = await terminal.run(typed);
    const expected = stand.exit ?? 0;
    if (code !== expected) throw new Error(`${at}: ${typed}\nended with ${code}, not ${expected}:\n${output}`);
    return [];
  }
});

/** The placeholders of the page filled in, a yes where it would be asked for, and ports that nobody has. */
function asRunHere(text: string, { replace = {} }: Stand): string {
  let typed = text;
  for (const [placeholder, real] of Object.entries(replace)) typed = typed.replaceAll(placeholder, real);
  if (ASKS.test(typed)) typed = `${typed} --yes`;
  if (/smart-erase dev$/.test(typed)) {
    typed = `${typed} --temporal-port 0 --ui-port 0 --simulator-port 0 --database-port 0`;
  }
  return typed;
}

it('every scene has its block', () => {
  const names = blocks.map(({ name }) => name);
  expect(Object.keys(SCENES).filter((name) => !names.includes(name))).toEqual([]);
});

describe('every command that a page mentions', () => {
  const mentions = [...PAGES, ...MORE_PAGES].flatMap((page) => mentionsOf(page, read(page)));

  it('exists, with its options', async () => {
    const problems: string[] = [];
    for (const { text, at } of mentions) {
      const problem = await lint(text, sharedTemporal().cliPath);
      if (problem !== null) problems.push(`${at}: \`${text}\`: ${problem}`);
    }
    expect(mentions.length).toBeGreaterThan(50);
    expect(problems).toEqual([]);
  });
});
