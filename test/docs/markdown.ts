/** What a command needs that a test machine does not have. Written as a comment behind it, `# (engine)`; see CONTRIBUTING.md. */
export const NEEDS = ['engine', 'account'] as const;
export type Need = (typeof NEEDS)[number];

export interface DocCommand {
  /** As it is typed: without the prompt and the comment, continued lines joined. */
  text: string;
  /** Where it stands: `docs/batch.md:36`. */
  at: string;
  /** Not executed but looked at only, since it needs this. */
  needs: Need | null;
}

export interface DocBlock {
  /** `docs/batch.md ## Plan`, and ` (2)` behind it for the second block below that heading. */
  name: string;
  language: 'shell' | 'sql';
  commands: DocCommand[];
}

const LANGUAGES: Readonly<Record<string, DocBlock['language']>> = {
  sh: 'shell',
  bash: 'shell',
  shell: 'shell',
  console: 'shell',
  sql: 'sql',
};
/** Programs whose name makes an inline `code` a command. */
const PROGRAMS = /^(npx|npm|smart-erase|temporal|docker|curl) /;

/** Every fenced block of commands in a page, in their order. */
export function blocksOf(doc: string, page: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  const below = new Map<string, number>();
  let heading = '';
  let fence: { language: string; from: number; lines: string[] } | undefined;
  for (const [index, line] of page.split('\n').entries()) {
    const mark = /^\s*```(\w*)/.exec(line);
    if (fence === undefined) {
      if (/^#+ /.test(line)) heading = line;
      if (mark) fence = { language: mark[1] ?? '', from: index + 2, lines: [] };
    } else if (!mark) {
      fence.lines.push(line);
    } else {
      const language = LANGUAGES[fence.language];
      if (language !== undefined) {
        const count = (below.get(heading) ?? 0) + 1;
        below.set(heading, count);
        const typed = fence.language === 'console' ? answersOut(fence.lines) : fence.lines;
        const commands = (language === 'sql' ? statements : shellCommands)(
          typed,
          (at) => `${doc}:${(fence?.from ?? 0) + at}`,
        );
        blocks.push({ name: `${doc} ${heading}${count > 1 ? ` (${count})` : ''}`, language, commands });
      }
      fence = undefined;
    }
  }
  if (fence !== undefined) throw new Error(`${doc}:${fence.from - 1}: this block is not closed.`);
  return blocks;
}

/** Commands in the text, between backticks; and those of a transcript, behind a `$`. They may be cut short: `smart-erase cap`. */
export function mentionsOf(doc: string, page: string): DocCommand[] {
  const prose = page.replace(/^\s*```[\s\S]*?^\s*```/gm, (block) => block.replace(/[^\n]/g, ' '));
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map((match) => ({
    text: (match[1] ?? '').replace(/\s+/g, ' '),
    index: match.index,
  }));
  const transcripts = [...page.matchAll(/^\s*\$ (.+)$/gm)].map((match) => ({
    text: match[1] ?? '',
    index: match.index,
  }));
  return [...inline, ...transcripts]
    .filter(({ text }) => PROGRAMS.test(text))
    .map(({ text, index }) => ({ text, at: `${doc}:${page.slice(0, index).split('\n').length}`, needs: null }));
}

/** In a transcript only what stands behind the prompt was typed. */
function answersOut(lines: readonly string[]): string[] {
  return lines.map((line) => (/^\s*\$ /.test(line) ? line.replace(/^\s*\$ /, '') : ''));
}

function shellCommands(lines: readonly string[], place: (line: number) => string): DocCommand[] {
  const commands: DocCommand[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, line] of lines.entries()) {
    const { code, comment } = splitComment(line);
    open = open === undefined ? { text: code.trim(), line: index } : { ...open, text: `${open.text} ${code.trim()}` };
    if (open.text.endsWith('\\')) {
      open.text = open.text.slice(0, -1).trimEnd();
      continue;
    }
    if (open.text !== '')
      commands.push({ text: open.text, at: place(open.line), needs: needOf(comment, place(index)) });
    open = undefined;
  }
  return commands;
}

function needOf(comment: string, at: string): Need | null {
  const [, word] = /\((\w+)\)/.exec(comment) ?? [];
  if (word === undefined) return null;
  const need = NEEDS.find((each) => each === word);
  if (need === undefined)
    throw new Error(`${at}: (${word}) is no mark; there are ${NEEDS.map((n) => `(${n})`).join(', ')}.`);
  return need;
}

/** A `#` begins a comment where a word could begin, outside of quotes. */
function splitComment(line: string): { code: string; comment: string } {
  let quote = '';
  for (const [index, char] of [...line].entries()) {
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === '#' && (index === 0 || /\s/.test(line[index - 1] ?? ''))) {
      return { code: line.slice(0, index), comment: line.slice(index) };
    }
  }
  return { code: line, comment: '' };
}

function statements(lines: readonly string[], place: (line: number) => string): DocCommand[] {
  const texts = lines.join('\n').split(';');
  return texts.filter((text) => text.trim() !== '').map((text) => ({ text: text.trim(), at: place(0), needs: null }));
}
