import { readFileSync } from 'node:fs';
import type { DocBlock, DocCommand } from './markdown.js';

/** What a block may begin with and have executed here. Everything else is marked, or has a test of its own. */
const EXECUTED = /^(?:(?:npx )?smart-erase|temporal|curl|cp|export) /;
/** Commands that are a run of tests or of the whole product themselves, and what runs them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm run demo': 'test/cli/demo.test.ts',
  'npm test': '.ci/run',
};
/**
 * Who runs a command that is not marked.
 * @throws Error when nobody would
 */
export function howToRun(
  { text, at }: DocCommand,
  { language }: Pick<DocBlock, 'language'>,
): 'here' | 'sql' | 'elsewhere' {
  if (language === 'sql') return 'sql';
  if (EXECUTED.test(`${text} `)) return 'here';
  const where = ELSEWHERE[text];
  if (where === undefined) {
    throw new Error(
      `${at}: nothing runs \`${text}\`. Mark it with # (engine) or # (account) if it needs one, or teach ` +
        'test/docs/how-to-run.ts how it is run.',
    );
  }
  const wanted = text.replace('npm run ', '');
  if (!readFileSync(new URL(`../../${where}`, import.meta.url), 'utf8').includes(wanted)) {
    throw new Error(`${at}: ${where} does not run \`${text}\` any more.`);
  }
  return 'elsewhere';
}
