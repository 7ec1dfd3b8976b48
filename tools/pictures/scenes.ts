import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import type { MediaSpec } from '../../src/simulator/admin.js';
import type { GuideBlock, PictureFile } from './list.js';
import { type Stage, videos } from './stage.js';
import { pictureOfRun } from './temporal-ui.js';
import type { Ended, Terminal } from './terminal.js';
import { terminalSvg } from './terminal-svg.js';

export type Pictures = Record<PictureFile, string | Buffer>;

/** In letters: as wide as the widest line that is shown, and as high as a page shows without scrolling. */
const FILM = { columns: 106, rows: 31 };
/** A guide's lines are never cut, however long. */
const GUIDE_TERMINAL = { columns: 160, rows: 60 };
const SPRING_FILES = 200;
const GUIDE_FILES = 60;
/** FileIds are made up, in the vendor's form. Those of the trial are the guide's own. */
const FIRST_SPRING_FILE = 5_285_485_400_000_000_000n;
const FIRST_GUIDE_FILE = 5_285_485_600_000_000_000n;
const TRIAL_FILES: readonly MediaSpec[] = ['5285485487985271487', '5285485487985271488'].map((fileId, at) => ({
  fileId,
  name: `trial-${at + 1}`,
  duration: 10,
  width: 1_280,
  height: 720,
}));
const YES = [{ to: '[y/N]', type: 'y' }];

/** A batch of 200 with two bad files and one that is held, from its start to its report; and what Temporal's UI shows of it. */
export async function film(
  stage: Stage,
  page: Page,
): Promise<Omit<Pictures, 'erase-in-temporal.png' | 'side-by-side.png'>> {
  const files = videos(SPRING_FILES, 'clip', FIRST_SPRING_FILE);
  const [confusing, ...spoiled] = [files[19], files[57], files[131]] as [MediaSpec, MediaSpec, MediaSpec];
  await stage.spreadsheet('spring.csv', files);
  await stage.confuse(confusing);
  for (const file of spoiled) await stage.spoil(file);
  const held = `erase/key/${confusing.name}`;
  const terminal = await stage.terminal(FILM);
  await succeeds(terminal, 'smart-erase batch start spring.csv --recipe subtitles --id spring', YES);
  await terminal.interrupt(
    'smart-erase batch watch spring',
    (text) => text.includes(`${SPRING_FILES - 1} of ${SPRING_FILES}`) && text.includes('held: 1'),
  );
  const pictures = {
    'held-in-temporal.png': await pictureOfRun(page, await stage.pageOf(held), 'Held since'),
    'batch-in-temporal.png': await pictureOfRun(page, await stage.pageOf('batch/spring'), `${SPRING_FILES - 3}`),
  };
  await succeeds(terminal, 'smart-erase list --phase held');
  await succeeds(terminal, `smart-erase resume ${held} --reason "no task of it in the console"`);
  await fails(terminal, 'smart-erase batch watch spring', 6);
  await succeeds(terminal, 'smart-erase batch results spring --out spring-report');
  await terminal.close();
  const title = 'A batch of 200 erases in a terminal: start, watch, an erase that is held, its end, the report';
  return { ...pictures, 'batch-terminal.svg': terminalSvg(terminal.frames, FILM.columns, title) };
}

/** One erase that is published, to its end. */
export async function erase(stage: Stage, page: Page): Promise<Pick<Pictures, 'erase-in-temporal.png'>> {
  const [file] = videos(1, 'film', 5_285_485_700_000_000_000n) as [MediaSpec];
  await stage.admin.addMedia([file]);
  const terminal = await stage.terminal(GUIDE_TERMINAL);
  const publish = '{"name":"Spring film, clean","tags":["clean"],"prefetch":true}';
  const id = 'erase/key/spring-film';
  await succeeds(
    terminal,
    `smart-erase start ${file.fileId} --key spring-film --recipe subtitles --publish '${publish}' --wait`,
  );
  await terminal.close();
  return { 'erase-in-temporal.png': await pictureOfRun(page, await stage.pageOf(id), 'succeeded') };
}

/** The commands of the guide, one after the other, and what each printed. */
export async function guide(
  stage: Stage,
  page: Page,
): Promise<{ blocks: Record<GuideBlock, string>; pictures: Pick<Pictures, 'side-by-side.png'> }> {
  const files = videos(GUIDE_FILES, 'film', FIRST_GUIDE_FILE);
  const [refused, spoiled] = [files[33], files[51]] as [MediaSpec, MediaSpec];
  await stage.spreadsheet('list.csv', files);
  await stage.admin.addMedia(TRIAL_FILES);
  await stage.spoil(spoiled);
  await stage.refuse(refused);
  const terminal = await stage.terminal(GUIDE_TERMINAL);
  const blocks: Record<GuideBlock, string> = {
    plan: await shown(terminal, 'smart-erase batch plan list.csv --recipe subtitles'),
    start: await shown(
      terminal,
      'smart-erase batch start list.csv --recipe subtitles --sample 20 --tolerate 5% --id library-2031',
      0,
      YES,
    ),
    status: '',
    go: '',
    watch: '',
    trial: '',
    results: '',
    redrive: '',
  };
  await terminal.interrupt('smart-erase batch watch library-2031', (text) => text.includes('20 succeeded'));
  blocks.status = await shown(terminal, 'smart-erase batch status library-2031');
  blocks.go = await shown(terminal, 'smart-erase batch go library-2031 --reason "looked at the 20"');
  blocks.watch = await shown(terminal, 'smart-erase batch watch library-2031', 6);
  blocks.results = await shown(terminal, 'smart-erase batch results library-2031 --out report');
  blocks.redrive = await shown(terminal, 'smart-erase batch redrive library-2031 --failed --dry-run');
  const trialFiles = TRIAL_FILES.map(({ fileId }) => fileId).join(' ');
  blocks.trial = await shown(terminal, `smart-erase trial ${trialFiles} --recipe subtitles --max-cost 5`, 0, YES);
  await terminal.close();
  const [, sideBySide = ''] = /(\S+side-by-side\.html)/.exec(blocks.trial) ?? [];
  return { blocks, pictures: { 'side-by-side.png': await sideBySidePicture(page, join(stage.folder, sideBySide)) } };
}

/** The first pair of the page that a trial ends with. */
async function sideBySidePicture(page: Page, file: string): Promise<Buffer> {
  readFileSync(file);
  await page.goto(pathToFileURL(file).href);
  const first = page.locator('section.erase').first();
  for (const video of await first.locator('video').all()) {
    await video.evaluate(
      (element: { readyState: number; addEventListener(name: string, then: () => void): void }) =>
        new Promise<void>((resolve) => {
          if (element.readyState >= 2) resolve();
          else element.addEventListener('loadeddata', () => resolve());
        }),
    );
  }
  return first.screenshot();
}

/** @throws Error when the command ends with another exit code */
async function fails(
  terminal: Terminal,
  command: string,
  exitCode: number,
  answers: Parameters<Terminal['run']>[1] = [],
): Promise<Ended> {
  const ended = await terminal.run(command, answers);
  if (ended.exitCode === exitCode) return ended;
  throw new Error(`\`${command}\` ended with ${ended.exitCode}, not ${exitCode}:\n${ended.output}`);
}

function succeeds(terminal: Terminal, command: string, answers?: Parameters<Terminal['run']>[1]): Promise<Ended> {
  return fails(terminal, command, 0, answers);
}

/** A command and what it printed, as a block of a guide. */
async function shown(
  terminal: Terminal,
  command: string,
  exitCode = 0,
  answers?: Parameters<Terminal['run']>[1],
): Promise<string> {
  const { output } = await fails(terminal, command, exitCode, answers);
  return `$ ${command}\n${output}`;
}
