/**
 * Makes every picture of the documents, and the outputs in docs/batch.md, from a real run on the local stack:
 * `npm run pictures`. It needs Chromium, and `script` of util-linux.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium, launchBrowser, NO_CHROMIUM } from '../../test/support/browser.js';
import { build } from '../build.mjs';
import { withBlocks } from './blocks.js';
import { GUIDE, MAX_PICTURE_BYTES } from './list.js';
import { withFewerColors } from './png.js';
import { erase, film, guide, type Pictures } from './scenes.js';
import { Stage } from './stage.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'docs', 'pictures');
/** As narrow as Temporal's UI allows with its columns: a page shows pictures small, and they have to be read there. */
const WINDOW = { width: 1_280, height: 1_400 };

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const chromium = findChromium();
  if (chromium === undefined) throw new Error(NO_CHROMIUM);
  await build({ onProgress: say });
  const stage = await Stage.set(say);
  try {
    const browser = await launchBrowser(chromium);
    try {
      const context = await browser.newContext({
        viewport: WINDOW,
        deviceScaleFactor: 2,
        timezoneId: 'UTC',
        locale: 'en-US',
        colorScheme: 'light',
      });
      const page = await context.newPage();
      say('a batch, in the terminal and in Temporal …');
      writePictures(await film(stage, page));
      say('an erase in Temporal …');
      writePictures(await erase(stage, page));
      say('the commands of the guide …');
      const { blocks, pictures } = await guide(stage, page);
      writePictures(pictures);
      const path = join(ROOT, GUIDE);
      writeFileSync(path, withBlocks(readFileSync(path, 'utf8'), blocks));
      say(`outputs in ${GUIDE}`);
    } finally {
      await browser.close();
    }
  } finally {
    await stage.strike();
  }
}

function writePictures(pictures: Partial<Pictures>): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const [file, picture] of Object.entries(pictures)) {
    const bytes = typeof picture === 'string' ? Buffer.from(picture) : withFewerColors(picture);
    writeFileSync(join(FOLDER, file), bytes);
    say(`docs/pictures/${file}  ${bytes.length} bytes`);
    if (bytes.length > MAX_PICTURE_BYTES)
      throw new Error(`${file} is larger than ${MAX_PICTURE_BYTES} bytes: show less.`);
  }
}

await main();
