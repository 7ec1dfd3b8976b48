import { describe, expect, it } from 'vitest';
import { sharedTemporal } from '../support/temporal.js';
import { howToRun } from './how-to-run.js';
import { lint } from './lint.js';
import { blocksOf, mentionsOf } from './markdown.js';

const page = (...lines: string[]) => lines.join('\n');
const shell = (...lines: string[]) => page('## Try', '```sh', ...lines, '```');
const commandsOf = (text: string) => blocksOf('x.md', text).flatMap(({ commands }) => commands);

describe('the commands of a page', () => {
  it('are those of its blocks, with where they stand, without comments and prompts', () => {
    const text = page(
      '# Page',
      '```sh',
      '# only said',
      'smart-erase list --phase held   # who waits',
      'temporal workflow start \\',
      '  --input \'{"a": "#1"}\'',
      '```',
      '```json',
      '{}',
      '```',
      '```console',
      '$ smart-erase recipes',
      'subtitles',
      '```',
      '```sql',
      'select 1;',
      'select 2;',
      '```',
    );
    expect(blocksOf('x.md', text).map(({ name }) => name)).toEqual([
      'x.md # Page',
      'x.md # Page (2)',
      'x.md # Page (3)',
    ]);
    expect(commandsOf(text).map((command) => [command.at, command.text])).toEqual([
      ['x.md:4', 'smart-erase list --phase held'],
      ['x.md:5', `temporal workflow start --input '{"a": "#1"}'`],
      ['x.md:12', 'smart-erase recipes'],
      ['x.md:16', 'select 1'],
      ['x.md:16', 'select 2'],
    ]);
  });

  it('are marked by a comment behind them, and by no other word', () => {
    const marks = commandsOf(shell('docker compose ps  # (engine)', 'temporal cloud x # it costs (account)', 'curl x'));
    expect(marks.map(({ needs }) => needs)).toEqual(['engine', 'account', null]);
    expect(() => commandsOf(shell('docker compose ps # (enginee)'))).toThrow('x.md:3: (enginee) is no mark');
    expect(() => commandsOf(page('```sh', 'ls'))).toThrow('not closed');
  });

  it('are mentioned between backticks and in transcripts too', () => {
    const text = page('Run `smart-erase cap', 'list` or `a field`.', '```', '   $ smart-erase recipes', '```');
    expect(mentionsOf('x.md', text).map((each) => [each.at, each.text])).toEqual([
      ['x.md:1', 'smart-erase cap list'],
      ['x.md:4', 'smart-erase recipes'],
    ]);
  });
});

describe('a command that is not marked', () => {
  it('fails when nothing runs it', () => {
    const [unknown] = commandsOf(shell('docker compose up'));
    expect(() => howToRun(unknown as never, { language: 'shell' })).toThrow(
      /^x.md:3: nothing runs `docker compose up`/,
    );
    for (const text of ['smart-erase list', 'npx smart-erase list', 'temporal workflow list', 'curl x']) {
      expect(howToRun({ text, at: '', needs: null }, { language: 'shell' })).toBe('here');
    }
    expect(howToRun({ text: 'npm test', at: '', needs: null }, { language: 'shell' })).toBe('elsewhere');
  });
});

describe('a command that is only looked at', () => {
  it.each([
    ['smart-erase batch strat list.csv', 'smart-erase batch has no command strat'],
    ['smart-erase batch start list.csv --smple 20', 'smart-erase batch start has no option --smple'],
    ['smart-erase batch start list.csv --sample many', '--sample many'],
    ['npx smart-erase list --phase waitin', '--phase is one of'],
    ['smart-erase cap set|lift', 'smart-erase cap has no command lift'],
    ['npm run tests', 'package.json has no script tests'],
    ['npm test -- test/none.test.ts', 'there is no test/none.test.ts'],
    ['npx tsx tools/none.ts', 'there is no tools/none.ts'],
    ['docker compose ps wroker', 'docker-compose.yml has no service wroker'],
    ['docker compose up -d --scale wroker=3', 'docker-compose.yml has no service wroker'],
    ['docker compose up --fast', '--fast is not known'],
    ['docker compose run --rm worker docter', 'smart-erase has no command docter'],
    ['docker compose -f deploy/none.yml up -d', 'there is no deploy/none.yml'],
    [
      'docker compose -f docker-compose.yml -f deploy/two-builds.yml up -d worker-befor',
      'deploy/two-builds.yml has no service worker-befor',
    ],
    ['docker tag vod-smart-erase:0.0.0 vod-smart-erase:one', 'docker-compose.yml makes no image vod-smart-erase:0.0.0'],
    ['docker restart smart-erase-wroker-2', 'docker-compose.yml makes no container smart-erase-wroker-2'],
    ['temporal workflow strat --type erase', 'temporal has no command workflow strat'],
    ['temporal workflow start --typ erase', 'temporal workflow start has no --typ'],
    ['kubectl get pods', 'kubectl is a program that this test does not know'],
  ])('%s is wrong', async (text, problem) => {
    expect(await lint(text, sharedTemporal().cliPath)).toContain(problem);
  });

  it.each([
    'smart-erase cap set|list|remove',
    'smart-erase resume ID --task TASKID',
    'smart-erase start 5285… --recipe subtitles --wait -o json',
    'npm run demo -- --keep',
    'npm install && npm run build && node dist/erase.js FILE_ID',
    'docker compose exec postgresql pg_dump -U postgres smart_erase',
    'docker compose run --rm worker doctor',
    'docker restart smart-erase-worker-2',
    'docker compose -f docker-compose.yml -f deploy/two-builds.yml up -d --scale worker-before=3 worker-before',
    'temporal workflow reset --type FirstWorkflowTask',
  ])('%s is right', async (text) => {
    expect(await lint(text, sharedTemporal().cliPath)).toBeNull();
  });
});
